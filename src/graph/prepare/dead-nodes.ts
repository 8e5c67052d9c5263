import type { GraphNode } from "../graph.ts";
import { valuesRead } from "./subgraph.ts";

/** The nodes that the wanted values depend on, and all values that are read on the way. */
export function liveNodes(
  nodes: readonly GraphNode[],
  wanted: Iterable<string>,
): { readonly nodes: readonly GraphNode[]; readonly read: ReadonlySet<string> } {
  const read = new Set(wanted);
  const live: GraphNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => read.has(output))) continue;
    live.push(node);
    for (const value of valuesRead(node)) read.add(value);
  }
  return { nodes: live.reverse(), read };
}
