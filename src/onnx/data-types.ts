import type { ElementType, TensorData } from "../tensor/tensor.ts";

/** How ONNX stores an element type. */
export interface DataType {
  /** `TensorProto.DataType`. */
  readonly number: number;
  readonly type: ElementType;
  /** Bits an element; `undefined` where the packing is not ours to know. */
  readonly bits: number | undefined;
}

/**
 * Every type number of ONNX. Types that `ElementType` does not name (float8 variants, float4, complex, 2-bit) are read
 * as `float8`: opaque bytes. The writer keeps their number.
 */
const dataTypes: readonly DataType[] = [
  { number: 1, type: "float32", bits: 32 },
  { number: 2, type: "uint8", bits: 8 },
  { number: 3, type: "int8", bits: 8 },
  { number: 4, type: "uint16", bits: 16 },
  { number: 5, type: "int16", bits: 16 },
  { number: 6, type: "int32", bits: 32 },
  { number: 7, type: "int64", bits: 64 },
  { number: 8, type: "string", bits: undefined },
  { number: 9, type: "bool", bits: 8 },
  { number: 10, type: "float16", bits: 16 },
  { number: 11, type: "float64", bits: 64 },
  { number: 12, type: "uint32", bits: 32 },
  { number: 13, type: "uint64", bits: 64 },
  { number: 16, type: "bfloat16", bits: 16 },
  { number: 21, type: "uint4", bits: 4 },
  { number: 22, type: "int4", bits: 4 },
  // FLOAT8E4M3FN first: it is what an opaque type is written as when nothing is known of its origin.
  { number: 17, type: "float8", bits: 8 },
  { number: 18, type: "float8", bits: 8 },
  { number: 19, type: "float8", bits: 8 },
  { number: 20, type: "float8", bits: 8 },
  { number: 14, type: "float8", bits: 64 },
  { number: 15, type: "float8", bits: 128 },
  { number: 23, type: "float8", bits: 4 },
  { number: 24, type: "float8", bits: 8 },
  { number: 25, type: "float8", bits: 2 },
  { number: 26, type: "float8", bits: 2 },
  { number: 27, type: "float8", bits: undefined },
  { number: 28, type: "float8", bits: undefined },
];

/** The data type of a number, or `undefined` for one that ONNX does not define. */
export function dataTypeOf(number: number): DataType | undefined {
  return dataTypes.find((dataType) => dataType.number === number);
}

/** The number that ONNX gives an element type. */
export function dataTypeNumber(type: ElementType): number {
  return dataTypes.find((dataType) => dataType.type === type)?.number ?? 0;
}

/** Bytes that `count` elements take, or `undefined` where that does not follow from the count. */
export function byteLengthOf(dataType: DataType, count: number): number | undefined {
  return dataType.bits === undefined ? undefined : Math.ceil((count * dataType.bits) / 8);
}

/** Little-endian bytes as the typed array that holds the type in memory. Copies: the bytes may be unaligned. */
export function typedArrayOf(type: ElementType, bytes: Uint8Array): TensorData {
  const { buffer } = new Uint8Array(bytes);
  switch (type) {
    case "float32":
      return new Float32Array(buffer);
    case "float64":
      return new Float64Array(buffer);
    case "float16":
    case "bfloat16":
    case "uint16":
      return new Uint16Array(buffer);
    case "int16":
      return new Int16Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "uint32":
      return new Uint32Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "uint64":
      return new BigUint64Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    default:
      return new Uint8Array(buffer);
  }
}
