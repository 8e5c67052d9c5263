import { ModelError } from "../../errors.ts";
import type { Graph, GraphNode } from "../graph.ts";
import { valuesRead } from "./subgraph.ts";

/**
 * The nodes in topological order, as they are where that is one already (the standard demands it).
 * @throws {ModelError} where nodes form a cycle or read a value that nothing defines
 */
export function orderedNodes(graph: Graph): readonly GraphNode[] {
  const ready = new Set([...graph.initializers.keys(), ...graph.inputs.map((input) => input.name)]);
  let waiting = graph.nodes;
  const result: GraphNode[] = [];
  const isReady = (node: GraphNode): boolean => valuesRead(node).every((value) => ready.has(value));
  const take = (node: GraphNode): void => {
    result.push(node);
    for (const output of node.outputs) ready.add(output);
  };
  for (let isFirst = true; waiting.length > 0; isFirst = false) {
    const late: GraphNode[] = [];
    for (const node of waiting) {
      if (isReady(node)) take(node);
      else late.push(node);
    }
    if (late.length === waiting.length) throw stuck(late, ready);
    // One pass orders an ordered file. More are rare, so a sort that is quadratic at worst only meets small graphs.
    if (!isFirst && late.length > 20_000) throw stuck(late, ready);
    waiting = late;
  }
  return result;
}

function stuck(nodes: readonly GraphNode[], ready: ReadonlySet<string>): ModelError {
  const produced = new Set(nodes.flatMap((node) => node.outputs));
  for (const node of nodes) {
    const missing = valuesRead(node).find((value) => !ready.has(value) && !produced.has(value));
    if (missing !== undefined) {
      return new ModelError(
        `${node.opType} at node '${node.name}': reads '${missing}', which nothing defines. The file is damaged; export the model again.`,
      );
    }
  }
  const [node] = nodes;
  return new ModelError(
    `${node?.opType ?? ""} at node '${node?.name ?? ""}': the nodes cannot be put in order, so some depend on themselves. The file is damaged; export the model again.`,
  );
}
