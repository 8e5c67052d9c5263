import { fromBfloat16, fromHalf } from "../tensor/half.ts";
import { elementCount, type AnyTensor } from "../tensor/tensor.ts";
import { maxKnownElements, type KnownValue } from "./infer-node.ts";

/** What inference may know of a constant: its elements if they are few and numbers. */
export function knownConstant({ type, dims, data }: AnyTensor): KnownValue {
  if (elementCount(dims) > maxKnownElements) return { type, dims };
  switch (type) {
    case "string":
    case "int4":
    case "uint4":
    case "float8":
      return { type, dims };
    case "float16":
      return { type, dims, value: Array.from(data as Uint16Array, fromHalf) };
    case "bfloat16":
      return { type, dims, value: Array.from(data as Uint16Array, fromBfloat16) };
    default:
      return { type, dims, value: Array.from(data as Float32Array, Number) };
  }
}
