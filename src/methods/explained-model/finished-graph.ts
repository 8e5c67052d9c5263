import type { Graph, GraphNode } from "../../graph/graph.ts";
import { liveNodes } from "../../graph/prepare/dead-nodes.ts";
import { renameReads } from "../../graph/prepare/subgraph.ts";
import type { Place } from "./map-in-graph.ts";

/** A built graph with stand-ins replaced, nodes put in, and nothing left that no output needs. */
export function finishedGraph(built: Graph, { names, inserted }: Pick<Place, "names" | "inserted">): Graph {
  const nodes: GraphNode[] = built.nodes.map((node) =>
    renameReads(node, (value) => names.get(value) ?? value),
  );
  for (const { node, position } of inserted.toReversed()) nodes.splice(position, 0, node);
  const made = new Set(inserted.flatMap(({ node }) => node.outputs));
  const live = liveNodes(
    nodes,
    built.outputs.map((output) => output.name),
  );
  const initializers = new Map([
    ...built.initializers,
    ...inserted.flatMap((entry) => entry.initializers.map((value) => [value.name, value] as const)),
  ]);
  const values = new Set(live.nodes.flatMap((node) => node.outputs));
  return {
    ...built,
    inputs: built.inputs.filter(({ name }) => !names.has(name) && !made.has(name)),
    nodes: live.nodes,
    initializers: new Map([...initializers].filter(([name]) => live.read.has(name))),
    valueInfo: new Map([...built.valueInfo].filter(([name]) => values.has(name))),
  };
}
