import { elementCount, type AnyTensor, type ElementType, type TensorData } from "../../tensor/tensor.ts";
import { floatTensor, knownConstant, type ProbedValue } from "../graph-builder.ts";
import type { Initializer } from "../graph.ts";
import { maxKnownElements, type KnownValue } from "../infer-node.ts";

/** What inference may know of an initializer; elements in half precision are read too. */
export function knownInitializer({ type, dims, data }: Initializer): KnownValue {
  if (data.kind === "external") return { type, dims };
  const { tensor } = data;
  if ((type === "float16" || type === "bfloat16") && elementCount(dims) <= maxKnownElements) {
    const decode = type === "float16" ? fromHalf : fromBfloat16;
    return { type, dims, value: Array.from(tensor.data as Uint16Array, decode) };
  }
  return knownConstant(tensor);
}

/** The number that a half precision bit pattern stands for. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

function fromBfloat16(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0] ?? 0;
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
