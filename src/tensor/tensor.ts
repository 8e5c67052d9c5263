/** Element types by the names that ONNX Runtime's JavaScript API uses, plus `bfloat16`. */
export type ElementType =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "bool"
  | "string"
  | "int4"
  | "uint4"
  | "float8";

/** Storage by element type: halves are bit patterns in a `Uint16Array`, booleans are bytes, 64-bit integers are bigint. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[];

/** A dense row-major array of any element type. */
export interface AnyTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** A dense row-major float32 array; what methods and metrics work on. Images are `[N, C, H, W]`. */
export interface Tensor extends AnyTensor {
  readonly type: "float32";
  readonly data: Float32Array;
}

/** The number of elements of a shape; 1 for a scalar. */
export function elementCount(dims: readonly number[]): number {
  let count = 1;
  for (const dim of dims) count *= dim;
  return count;
}

/** Wraps data as a float32 tensor. Throws if the length does not match the shape. */
export function tensor(data: Float32Array | readonly number[], dims: readonly number[]): Tensor {
  const array = data instanceof Float32Array ? data : Float32Array.from(data);
  if (array.length !== elementCount(dims)) {
    throw new RangeError(
      `tensor: shape [${dims.join(", ")}] needs ${elementCount(dims)} values, got ${array.length}`,
    );
  }
  return { type: "float32", dims, data: array };
}

/** A float32 tensor of one repeated value (0 by default). */
export function filled(dims: readonly number[], value = 0): Tensor {
  const data = new Float32Array(elementCount(dims));
  if (value !== 0) data.fill(value);
  return { type: "float32", dims, data };
}

/** An int64 tensor, the type of ONNX shapes, axes and indices. */
export function int64(values: readonly number[], dims: readonly number[] = [values.length]): AnyTensor {
  return { type: "int64", dims, data: BigInt64Array.from(values, (value) => BigInt(value)) };
}

/** Item `index` of axis 0, as a view: `[N, ...rest]` gives `[1, ...rest]`. */
export function batchItem(batch: Tensor, index: number): Tensor {
  const dims = [1, ...batch.dims.slice(1)];
  const size = elementCount(dims);
  return { type: "float32", dims, data: batch.data.subarray(index * size, (index + 1) * size) };
}

/** Joins tensors along axis 0. All other dimensions must agree. */
export function concatBatch(items: readonly Tensor[]): Tensor {
  const first = items[0];
  if (first === undefined) throw new RangeError("concatBatch: no tensors");
  if (items.length === 1) return first;
  const rest = first.dims.slice(1);
  let total = 0;
  let count = 0;
  for (const item of items) {
    total += item.data.length;
    count += item.dims[0] ?? 0;
  }
  const data = new Float32Array(total);
  let offset = 0;
  for (const item of items) {
    data.set(item.data, offset);
    offset += item.data.length;
  }
  return { type: "float32", dims: [count, ...rest], data };
}
