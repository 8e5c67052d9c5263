import type { GraphNode, ValueInfo } from "../graph.ts";
import { renameReads } from "./subgraph.ts";
import { resolved, type Workspace } from "./workspace.ts";

/**
 * Gives graph outputs that were dropped as equal to another value their names back: that value takes the output's name,
 * or, where it has to keep its own (an input, an initializer, another output), an Identity makes the copy.
 */
export function restoreOutputs(work: Workspace, outputs: readonly ValueInfo[]): readonly GraphNode[] {
  const produced = new Set(work.nodes.flatMap((node) => node.outputs));
  const taken = new Set(outputs.map((output) => output.name));
  const renamed = new Map<string, string>();
  const copies: GraphNode[] = [];
  for (const { name } of outputs) {
    const value = resolved(work, name);
    if (value === name) continue;
    const known = work.known.get(value);
    if (known !== undefined) work.known.set(name, known);
    if (produced.has(value) && !taken.has(value) && !renamed.has(value)) {
      renamed.set(value, name);
      work.aliases.delete(name);
      work.aliases.set(value, name);
      if (work.constants.has(value)) work.constants.add(name);
      continue;
    }
    const source = renamed.get(value) ?? value;
    copies.push({ name, opType: "Identity", domain: "", inputs: [source], outputs: [name], attributes: {} });
    work.aliases.delete(name);
  }
  const rename = (value: string): string => renamed.get(value) ?? value;
  const nodes = work.nodes.map((node) => {
    const read = renameReads(node, rename);
    return node.outputs.some((output) => renamed.has(output))
      ? { ...read, outputs: node.outputs.map(rename) }
      : read;
  });
  return [...nodes, ...copies];
}
