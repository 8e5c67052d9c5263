import type { GraphBuilder, PlainAttributes } from "../../src/graph/graph-builder.ts";

/** Appends an operator of com.microsoft; its first output. */
export function contribNode(
  g: GraphBuilder,
  opType: string,
  inputs: readonly string[],
  attributes: PlainAttributes = {},
): string {
  return g.nodeMany(opType, inputs, attributes, 1, "com.microsoft")[0] ?? "";
}
