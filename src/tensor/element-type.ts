import { toBfloat16, toHalf } from "./half.ts";
import type { AnyTensor, ElementType } from "./tensor.ts";

/** The numbers that ONNX gives to element types (`TensorProto.DataType`) with a plain form in memory. */
const typeNumbers: Readonly<Partial<Record<ElementType, number>>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
};

/** The number that ONNX gives an element type (`TensorProto.DataType`). */
export function onnxTypeNumber(type: ElementType): number {
  const number = typeNumbers[type];
  if (number === undefined) throw new RangeError(`${type} has no ONNX number here`);
  return number;
}

/** The element type of an ONNX type number, or `undefined` for one that is not named here. */
export function elementTypeOf(number: number): ElementType | undefined {
  for (const [type, value] of Object.entries(typeNumbers)) if (value === number) return type as ElementType;
  return undefined;
}

/** A float tensor of a given float type from numbers. */
export function floatTensor(
  type: ElementType,
  values: readonly number[],
  dims: readonly number[],
): AnyTensor {
  if (type === "float64") return { type, dims, data: Float64Array.from(values) };
  if (type === "float16") return { type, dims, data: Uint16Array.from(values, toHalf) };
  if (type === "bfloat16") return { type, dims, data: Uint16Array.from(values, toBfloat16) };
  if (type !== "float32") throw new RangeError(`${type} is no float type`);
  return { type, dims, data: Float32Array.from(values) };
}
