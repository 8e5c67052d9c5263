import type { GraphBuilder } from "../../graph/graph-builder.ts";

/**
 * A half-precision value as float32, others as they are: statistics need the precision, and ONNX Runtime has no
 * scattering sums of halves on the CPU.
 */
export function widened(g: GraphBuilder, value: string): string {
  const type = g.type(value);
  return type === "float16" || type === "bfloat16" ? g.cast(value, "float32") : value;
}
