import { floatTensor } from "../../tensor/element-type.ts";
import { type AnyTensor, type ElementType, type TensorData } from "../../tensor/tensor.ts";
import type { ProbedValue } from "../graph-builder.ts";
import type { Initializer } from "../graph.ts";
import type { KnownValue } from "../infer-node.ts";
import { knownConstant } from "../known-constant.ts";

/** What inference may know of an initializer. */
export function knownInitializer({ type, dims, data }: Initializer): KnownValue {
  return data.kind === "external" ? { type, dims } : knownConstant(data.tensor);
}

/** Elements that are the same at both probe batch sizes, or `undefined`. */
export function sharedElements([a, b]: ProbedValue): readonly number[] | undefined {
  const { value } = a;
  if (value === undefined || b.value === undefined || value.length !== b.value.length) return undefined;
  if (a.dims.length !== b.dims.length || a.dims.some((dim, axis) => dim !== b.dims[axis])) return undefined;
  const other = b.value;
  return value.every((element, index) => Object.is(element, other[index])) ? value : undefined;
}

const largestInt64 = 2n ** 63n - 1n;

/** INT64_MAX is 2^63 as a double; it must not wrap to the smallest integer. */
function toInt64(value: number): bigint {
  const exact = BigInt(value);
  if (exact > largestInt64) return largestInt64;
  return exact < -largestInt64 - 1n ? -largestInt64 - 1n : exact;
}

/** A tensor of plain numbers, or `undefined` for a type that has no such form (strings, 4-bit integers). */
export function tensorOf(
  type: ElementType,
  dims: readonly number[],
  values: readonly number[],
): AnyTensor | undefined {
  if (type === "float32" || type === "float64" || type === "float16" || type === "bfloat16") {
    return floatTensor(type, values, dims);
  }
  const data = integerData(type, values);
  return data === undefined ? undefined : { type, dims, data };
}

function integerData(type: ElementType, values: readonly number[]): TensorData | undefined {
  switch (type) {
    case "int64":
      return BigInt64Array.from(values, toInt64);
    case "uint64":
      return BigUint64Array.from(values, (value) => BigInt.asUintN(64, BigInt(value)));
    case "int32":
      return Int32Array.from(values);
    case "uint32":
      return Uint32Array.from(values);
    case "int16":
      return Int16Array.from(values);
    case "uint16":
      return Uint16Array.from(values);
    case "int8":
      return Int8Array.from(values);
    case "uint8":
    case "bool":
      return Uint8Array.from(values);
    default:
      return undefined;
  }
}
