import type { GraphNode } from "../graph/graph.ts";
import type { ElementType } from "../tensor/tensor.ts";
import { nonDifferentiableOps } from "./non-differentiable.ts";

/**
 * Operators whose integer outputs stand for real numbers: quantisation, quantised arithmetic, and what only moves the
 * integers. Their cotangents are those of the real numbers (straight-through estimation).
 */
const carriesQuantized: ReadonlySet<string> = new Set([
  "Concat",
  "ConvInteger",
  "DynamicQuantizeLinear",
  "Expand",
  "Flatten",
  "Gather",
  "Identity",
  "MatMulInteger",
  "MaxPool",
  "Pad",
  "QGemm",
  "QLinearAdd",
  "QLinearAveragePool",
  "QLinearConcat",
  "QLinearConv",
  "QLinearGlobalAveragePool",
  "QLinearLeakyRelu",
  "QLinearMatMul",
  "QLinearMul",
  "QLinearSigmoid",
  "QLinearSoftmax",
  "QuantizeLinear",
  "Reshape",
  "Slice",
  "Split",
  "Squeeze",
  "Transpose",
  "Unsqueeze",
]);

/** True for types that gradients are computed in. */
export function isFloat(type: ElementType): boolean {
  return type === "float32" || type === "float16" || type === "float64" || type === "bfloat16";
}

/**
 * The outputs of a node that a gradient passes, if it passes an input: floats, and integers that stand for real numbers. An
 * output of unknown type counts, so that an operator without a rule is met by name. Scale and zero point of a dynamic
 * quantisation count as constants.
 */
export function differentiableOutputs(
  { opType, outputs }: GraphNode,
  typeOf: (value: string) => ElementType | undefined,
): readonly string[] {
  if (nonDifferentiableOps.has(opType)) return [];
  const carrying = opType === "DynamicQuantizeLinear" ? outputs.slice(0, 1) : outputs;
  return carrying.filter((output) => {
    const type = output === "" ? undefined : typeOf(output);
    return output !== "" && (type === undefined || isFloat(type) || carriesQuantized.has(opType));
  });
}
