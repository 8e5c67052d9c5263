import { DataError } from "../errors.ts";
import { type AnyTensor, elementCount, type ElementType, type Tensor, type TensorData } from "./tensor.ts";

/** Element types that NumPy files and tensors have in common, by NumPy's letter and byte count. */
const typeOfCode: Readonly<Record<string, ElementType>> = {
  f2: "float16",
  f4: "float32",
  f8: "float64",
  i1: "int8",
  u1: "uint8",
  i2: "int16",
  u2: "uint16",
  i4: "int32",
  u4: "uint32",
  i8: "int64",
  u8: "uint64",
  b1: "bool",
};

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** A header larger than this is no header; NumPy itself stops at 10 kB. */
const maxHeaderLength = 65536;

/**
 * The bytes of a .npy file (format 1.0, little-endian, C order), which `numpy.load` reads.
 * @throws {@link DataError} for element types that NumPy lacks (`bfloat16`, `string`, 4- and 8-bit floats).
 */
export function writeNpy(array: AnyTensor): Uint8Array {
  const code = Object.entries(typeOfCode).find(([, type]) => type === array.type)?.[0];
  if (code === undefined || !ArrayBuffer.isView(array.data)) {
    throw new DataError(`npy: NumPy has no element type ${array.type}. Convert the array to float32 first.`);
  }
  const order = code.endsWith("1") ? "|" : "<";
  const shape = array.dims.length === 1 ? `${array.dims[0]},` : array.dims.join(", ");
  const text = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': (${shape}), }`;
  // The data start at a multiple of 64, so that readers may map it.
  const headerLength = Math.ceil((text.length + 11) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + headerLength + array.data.byteLength);
  bytes.set([...magic, 1, 0, headerLength & 255, headerLength >> 8]);
  bytes.set(new TextEncoder().encode(`${text.padEnd(headerLength - 1)}\n`), 10);
  bytes.set(
    new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength),
    10 + headerLength,
  );
  return bytes;
}

/**
 * Reads a .npy file: formats 1 to 3, either byte order, C or Fortran order, floats, integers and booleans.
 * @param name What messages call the file.
 * @throws {@link DataError} if it is no .npy file, has another element type, or is shorter or longer than its shape says.
 */
export function readNpy(bytes: Uint8Array, name = "array.npy"): AnyTensor {
  const { descr, isFortran, dims, start } = readHeader(bytes, name);
  const code = descr.slice(1);
  const type = typeOfCode[code];
  if (type === undefined || !"<>|=".includes(descr[0] ?? "")) {
    throw new DataError(
      `${name}: expected numbers or booleans, got element type '${descr}'. Save it with array.astype("float32").`,
    );
  }
  const size = Number(code.slice(1));
  const expected = elementCount(dims) * size;
  if (bytes.length - start !== expected) {
    throw new DataError(
      `${name}: shape (${dims.join(", ")}) of ${descr} needs ${expected} bytes, the file has ${bytes.length - start}. It is damaged or truncated.`,
    );
  }
  // A copy: typed arrays need aligned bytes, and the caller's stay as they are.
  // Not bytes.slice: that of a Node Buffer is a view of the whole file, header included.
  const data = new Uint8Array(bytes.subarray(start));
  if (descr.startsWith(">")) swapBytes(data, size);
  const values = view(type, data.buffer);
  return { type, dims, data: isFortran && dims.length > 1 ? fromFortranOrder(values, dims) : values };
}

/**
 * Reads a .npy file of any numeric type as float32; for maps and masks made by other programs.
 * @throws {@link DataError} as {@link readNpy}.
 */
export function readNpyFloat32(bytes: Uint8Array, name = "array.npy"): Tensor {
  return toFloat32(readNpy(bytes, name));
}

/** An array of any numeric type as float32. */
export function toFloat32(array: AnyTensor): Tensor {
  if (array.type === "float32") return array as Tensor;
  const convert =
    array.type === "float16" ? (value: unknown): number => halfToNumber(value as number) : Number;
  const data = new Float32Array(array.data.length);
  for (let index = 0; index < data.length; index++) data[index] = convert(array.data[index]);
  return { type: "float32", dims: array.dims, data };
}

interface Header {
  readonly descr: string;
  readonly isFortran: boolean;
  readonly dims: readonly number[];
  readonly start: number;
}

function readHeader(bytes: Uint8Array, name: string): Header {
  if (bytes.length < 10 || magic.some((byte, index) => bytes[index] !== byte)) {
    throw new DataError(`${name}: expected a .npy file, got something else. Save it with numpy.save.`);
  }
  const fields = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6] ?? 0;
  if (version < 1 || version > 3)
    throw new DataError(
      `${name}: expected .npy format 1 to 3, got ${version}. Save it again with numpy.save.`,
    );
  const prefix = version === 1 ? 10 : 12;
  const length =
    bytes.length < prefix ? Infinity : version === 1 ? fields.getUint16(8, true) : fields.getUint32(8, true);
  if (length > maxHeaderLength || prefix + length > bytes.length)
    throw new DataError(`${name}: the .npy header is damaged or truncated.`);
  const text = new TextDecoder().decode(bytes.subarray(prefix, prefix + length));
  const descr = /['"]descr['"]\s*:\s*['"]([^'"]*)['"]/.exec(text)?.[1];
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || shape === undefined) {
    throw new DataError(
      `${name}: expected a plain array, got header ${text.trim().slice(0, 120)}. Structured arrays are not supported.`,
    );
  }
  const dims = shape.split(",").flatMap((part) => (part.trim() === "" ? [] : [Number.parseInt(part, 10)]));
  return { descr, isFortran: order === "True", dims, start: prefix + length };
}

function view(type: ElementType, buffer: ArrayBuffer): Exclude<TensorData, readonly string[]> {
  switch (type) {
    case "float32":
      return new Float32Array(buffer);
    case "float64":
      return new Float64Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    case "int16":
      return new Int16Array(buffer);
    case "float16":
    case "uint16":
      return new Uint16Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "uint32":
      return new Uint32Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "uint64":
      return new BigUint64Array(buffer);
    default:
      return new Uint8Array(buffer);
  }
}

function swapBytes(data: Uint8Array, size: number): void {
  for (let offset = 0; offset < data.length; offset += size) data.subarray(offset, offset + size).reverse();
}

/** Column-major to row-major: the first index of the source runs fastest. */
function fromFortranOrder<Values extends Exclude<TensorData, readonly string[]>>(
  values: Values,
  dims: readonly number[],
): Values {
  const result = values.slice() as Values;
  const index = dims.map(() => 0);
  const strides = dims.map((_, axis) => elementCount(dims.slice(0, axis)));
  for (let target = 0; target < values.length; target++) {
    result[target] = values[index.reduce((sum, position, axis) => sum + position * (strides[axis] ?? 0), 0)]!;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < dims[axis]!) break;
      index[axis] = 0;
    }
  }
  return result;
}

// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits.
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
