import type { ElementType } from "../../tensor/tensor.ts";
import { elementTypeOf } from "../../tensor/element-type.ts";
import { convolution } from "./window.ts";
import { knownValue, sameShape, type InferContext, type InferRule, type InferTable } from "./context.ts";
import { matMul } from "./linear.ts";

/** The type of the zero point at an input, which is the type of the quantised result. */
export function zeroPointType(index: number): (c: InferContext) => ElementType {
  return (c) => c.optional(index)?.type ?? "uint8";
}
const int32 = (): ElementType => "int32";

const quantize: InferRule = (c) => {
  const named = elementTypeOf(c.int("output_dtype", 0));
  return [knownValue(c, c.optional(2)?.type ?? named ?? "uint8", c.input(0).dims)];
};

const dequantize: InferRule = (c) => {
  const named = elementTypeOf(c.int("output_dtype", 0));
  return [knownValue(c, named ?? c.input(1).type, c.input(0).dims)];
};

/** Quantised arithmetic of the standard domain. */
export const quantizationRules: InferTable = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: (c) => [
    knownValue(c, "uint8", c.input(0).dims),
    knownValue(c, "float32", []),
    knownValue(c, "uint8", []),
  ],
  QLinearConv: convolution(0, 3, zeroPointType(7)),
  QLinearMatMul: matMul(0, 3, zeroPointType(7)),
  ConvInteger: convolution(0, 1, int32),
  MatMulInteger: matMul(0, 1, int32),
};

/** One output in the shape and type of the first input. */
export const quantizedSame: InferRule = (c) => [sameShape(c)];
