import { create } from "@bufbuild/protobuf";
import type { Dim, Shape, ValueInfo } from "../graph/graph.ts";
import { dataTypeNumber, dataTypeOf } from "./data-types.ts";
import {
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type TensorShapeProto,
  type TensorShapeProto_Dimension,
  type TypeProto,
  type ValueInfoProto,
} from "./generated/onnx-ml_pb.ts";

/** The message of a value with what it was read as: an unchanged type is written as it came. */
interface ValueOrigin {
  readonly message: ValueInfoProto;
  readonly type: ValueInfo["type"];
  readonly dims: Shape | undefined;
}

/** Type and shape of a value. What is not a dense tensor is marked `nonTensor` and kept for writing. */
export function readValueInfo(message: ValueInfoProto): ValueInfo {
  const { type, dims, nonTensor } = readType(message.type);
  const origin: ValueOrigin = { message, type, dims };
  return { name: message.name, type, dims, ...(nonTensor === undefined ? {} : { nonTensor }), proto: origin };
}

function readType(type: TypeProto | undefined): Pick<ValueInfo, "type" | "dims" | "nonTensor"> {
  const value = type?.value;
  switch (value?.case) {
    case "tensorType": {
      const dataType = dataTypeOf(value.value.elemType);
      const dims = value.value.shape?.dim.map(readDim);
      if (dataType === undefined) return { type: "float32", dims, nonTensor: "untyped" };
      return { type: dataType.type, dims };
    }
    case "sequenceType":
      return { type: readType(value.value.elemType).type, dims: undefined, nonTensor: "sequence" };
    case "mapType":
      return { type: readType(value.value.valueType).type, dims: undefined, nonTensor: "map" };
    case "optionalType":
      return { type: readType(value.value.elemType).type, dims: undefined, nonTensor: "optional" };
    case "sparseTensorType": {
      const dims = value.value.shape?.dim.map(readDim);
      return { type: dataTypeOf(value.value.elemType)?.type ?? "float32", dims, nonTensor: "sparse" };
    }
    case "opaqueType":
      return { type: "float32", dims: undefined, nonTensor: "opaque" };
    default:
      return { type: "float32", dims: undefined, nonTensor: "untyped" };
  }
}

function readDim(dim: TensorShapeProto_Dimension): Dim {
  if (dim.value.case === "dimValue") {
    const size = Number(dim.value.value);
    // Some exporters write -1 (or 0 on the batch axis of an input, which stays 0) for "unknown".
    return size < 0 || !Number.isSafeInteger(size) ? "" : size;
  }
  return dim.value.case === "dimParam" ? dim.value.value : "";
}

/** The message of a value. */
export function writeValueInfo(value: ValueInfo): ValueInfoProto {
  const origin = value.proto as ValueOrigin | undefined;
  if (
    origin !== undefined &&
    (value.nonTensor !== undefined || (origin.type === value.type && origin.dims === value.dims))
  ) {
    const { message } = origin;
    return message.name === value.name
      ? message
      : Object.assign(create(ValueInfoProtoSchema), message, { name: value.name });
  }
  const elemType = dataTypeNumber(value.type);
  const tensorType = create(TypeProto_TensorSchema, { elemType });
  if (value.dims !== undefined) tensorType.shape = writeShape(value.dims);
  const message = create(ValueInfoProtoSchema, { name: value.name });
  if (origin !== undefined) Object.assign(message, origin.message, { name: value.name });
  message.type = create(TypeProtoSchema, { value: { case: "tensorType", value: tensorType } });
  return message;
}

function writeShape(dims: Shape): TensorShapeProto {
  const dim = dims.map((size) => {
    const message = create(TensorShapeProto_DimensionSchema);
    if (typeof size === "number") message.value = { case: "dimValue", value: BigInt(size) };
    else if (size !== "") message.value = { case: "dimParam", value: size };
    return message;
  });
  return create(TensorShapeProtoSchema, { dim });
}
