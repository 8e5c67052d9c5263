import { create } from "@bufbuild/protobuf";
import { assert, ModelError } from "../errors.ts";
import type { Initializer, InitializerData } from "../graph/graph.ts";
import { elementCount, type AnyTensor, type TensorData } from "../tensor/tensor.ts";
import { byteLengthOf, dataTypeNumber, dataTypeOf, typedArrayOf, type DataType } from "./data-types.ts";
import { externalDataOf } from "./external-data.ts";
import { externalThreshold } from "./scan.ts";
import { TensorProto_DataLocation, TensorProtoSchema, type TensorProto } from "./generated/onnx-ml_pb.ts";
import type { ByteSource } from "./byte-source.ts";

/** The message of an initializer with the data that it was read as: unchanged data is written as it came. */
interface TensorOrigin {
  readonly message: TensorProto;
  readonly data: InitializerData;
}

/** Files by the location that tensors name. */
export type ByteSources = ReadonlyMap<string, ByteSource>;

/**
 * A tensor of the file as an initializer: large content as a reference, small content (or none that `sources` lacks)
 * as a typed array.
 */
export function readTensor(message: TensorProto, sources: ByteSources): Initializer {
  const where = `tensor '${message.name}'`;
  const dataType = dataTypeOf(message.dataType);
  if (dataType === undefined) {
    throw new ModelError(
      `${where}: expected an element type of ONNX, got number ${message.dataType}. The file is damaged.`,
    );
  }
  if (message.segment !== undefined) throw new ModelError(`${where}: tensors in segments are not supported.`);
  const dims = message.dims.map(Number);
  const count = elementCount(dims);
  if (dims.some((dim) => dim < 0) || !Number.isSafeInteger(count)) {
    throw new ModelError(
      `${where}: expected sizes of at least 0, got [${dims.slice(0, 8).join(", ")}]. The file is damaged.`,
    );
  }
  const data = readData(message, dataType, dims, where, sources);
  const origin: TensorOrigin = { message, data };
  return {
    name: message.name,
    type: dataType.type,
    dims,
    data,
    ...(message.docString === "" ? {} : { docString: message.docString }),
    proto: origin,
  };
}

function readData(
  message: TensorProto,
  dataType: DataType,
  dims: readonly number[],
  where: string,
  sources: ByteSources,
): InitializerData {
  const { type } = dataType;
  const expected = byteLengthOf(dataType, elementCount(dims));
  if (message.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const { location, offset, length: stated } = externalDataOf(message);
    const source = sources.get(location);
    const length = stated ?? expected ?? (source === undefined ? 0 : source.size - offset);
    if (expected !== undefined && length !== expected) throw lengthError(where, type, dims, expected, length);
    if (source !== undefined && offset + length > source.size) {
      throw new ModelError(
        `${where}: expected ${length} bytes at ${offset} of '${location}', got a file of ${source.size} bytes. ` +
          "It is incomplete or belongs to another model; get both files again.",
      );
    }
    if (source === undefined || length >= externalThreshold)
      return { kind: "external", location, offset, length };
    return { kind: "memory", tensor: { type, dims, data: typedArrayOf(type, source.read(offset, length)) } };
  }
  const data = inlineData(message, type);
  const length = ArrayBuffer.isView(data) ? data.byteLength : data.length;
  const wanted = type === "string" ? elementCount(dims) : expected;
  if (wanted !== undefined && length !== wanted) throw lengthError(where, type, dims, wanted, length);
  return { kind: "memory", tensor: { type, dims, data } };
}

function lengthError(
  where: string,
  type: string,
  dims: readonly number[],
  expected: number,
  got: number,
): ModelError {
  return new ModelError(
    `${where}: expected ${expected} bytes for ${type} [${dims.slice(0, 8).join(", ")}], got ${got}. The file is damaged.`,
  );
}

/** The content of a tensor from `raw_data` or from the field that its type uses. */
function inlineData(message: TensorProto, type: Initializer["type"]): TensorData {
  if (message.rawData.length > 0) return typedArrayOf(type, message.rawData);
  switch (type) {
    case "float32":
      return Float32Array.from(message.floatData);
    case "float64":
      return Float64Array.from(message.doubleData);
    case "int64":
      return BigInt64Array.from(message.int64Data);
    case "uint64":
      return BigUint64Array.from(message.uint64Data);
    case "uint32":
      return Uint32Array.from(message.uint64Data, Number);
    case "int32":
      return Int32Array.from(message.int32Data);
    case "int16":
      return Int16Array.from(message.int32Data);
    case "uint16":
    case "float16":
    case "bfloat16":
      return Uint16Array.from(message.int32Data);
    case "int8":
      return Int8Array.from(message.int32Data);
    case "string": {
      const decoder = new TextDecoder();
      return message.stringData.map((bytes) => decoder.decode(bytes));
    }
    default:
      return Uint8Array.from(message.int32Data);
  }
}

/** The message of an initializer. Data in files stays there: the message gets `external_data` entries. */
export function writeTensor(initializer: Initializer, name: string): TensorProto {
  const origin = initializer.proto as TensorOrigin | undefined;
  const sameType = origin !== undefined && dataTypeOf(origin.message.dataType)?.type === initializer.type;
  if (
    origin !== undefined &&
    sameType &&
    origin.data === initializer.data &&
    sameDims(origin.message, initializer.dims)
  ) {
    return origin.message.name === name
      ? origin.message
      : Object.assign(create(TensorProtoSchema), origin.message, { name });
  }
  const message = create(TensorProtoSchema, {
    name,
    dataType: sameType ? origin.message.dataType : dataTypeNumber(initializer.type),
    dims: initializer.dims.map(BigInt),
    metadataProps: origin?.message.metadataProps ?? [],
  });
  if (initializer.docString !== undefined) message.docString = initializer.docString;
  if (initializer.data.kind === "external") setExternalData(message, initializer.data);
  else setContent(message, initializer.data.tensor);
  return message;
}

function sameDims(message: TensorProto, dims: readonly number[]): boolean {
  return message.dims.length === dims.length && message.dims.every((dim, axis) => Number(dim) === dims[axis]);
}

/** Points a message to bytes in a file. */
export function setExternalData(
  message: TensorProto,
  data: { location: string; offset: number; length: number },
): void {
  message.dataLocation = TensorProto_DataLocation.EXTERNAL;
  const entry = (key: string, value: string): TensorProto["externalData"][number] => ({
    $typeName: "onnx.StringStringEntryProto",
    key,
    value,
  });
  message.externalData = [
    entry("location", data.location),
    entry("offset", String(data.offset)),
    entry("length", String(data.length)),
  ];
}

function setContent(message: TensorProto, { type, data }: AnyTensor): void {
  if (type === "string") {
    const encoder = new TextEncoder();
    message.stringData = (data as readonly string[]).map((text) => encoder.encode(text));
    return;
  }
  assert(ArrayBuffer.isView(data), "numeric tensor data is a typed array");
  message.rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}
