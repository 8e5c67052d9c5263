import type { GraphBuilder } from "../../graph/graph-builder.ts";
import type { Attributes } from "../../graph/graph.ts";

/** Appends a node of one output with the attributes of another node; returns the output. */
export function append(
  g: GraphBuilder,
  opType: string,
  inputs: readonly string[],
  attributes: Attributes,
  domain = "",
): string {
  const output = g.uniqueName(`${inputs[0] ?? ""}/${opType.toLowerCase()}`);
  g.appendNode({ name: output, opType, domain, inputs, outputs: [output], attributes });
  return output;
}
