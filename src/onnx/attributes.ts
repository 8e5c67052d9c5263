import { create } from "@bufbuild/protobuf";
import { assertNever, ModelError } from "../errors.ts";
import type { Attribute, Graph } from "../graph/graph.ts";
import {
  AttributeProto_AttributeType as Kind,
  AttributeProtoSchema,
  type AttributeProto,
  type GraphProto,
  type TensorProto,
} from "./generated/onnx-ml_pb.ts";
import type { Initializer } from "../graph/graph.ts";

/** How the tensors and graphs inside attributes are read. */
export interface AttributeReader {
  readonly tensor: (message: TensorProto) => Initializer;
  readonly graph: (message: GraphProto) => Graph;
}

/** How the tensors and graphs inside attributes are written. */
export interface AttributeWriter {
  readonly tensor: (initializer: Initializer) => TensorProto;
  readonly graph: (graph: Graph) => GraphProto;
}

/**
 * An attribute. What has no plain form (references to function attributes, sparse tensors, types, integers beyond
 * 2^53, strings that are not UTF-8) is `opaque` with its `AttributeProto`; a reference has `refAttrName` there.
 */
export function readAttribute(message: AttributeProto, read: AttributeReader): Attribute {
  if (message.refAttrName !== "") return { kind: "opaque", proto: message };
  switch (kindOf(message)) {
    case Kind.FLOAT:
      return { kind: "float", value: message.f };
    case Kind.INT:
      return isPlainInt(message.i)
        ? { kind: "int", value: Number(message.i) }
        : { kind: "opaque", proto: message };
    case Kind.STRING: {
      const value = decodeText(message.s);
      return value === undefined ? { kind: "opaque", proto: message } : { kind: "string", value };
    }
    case Kind.FLOATS:
      return { kind: "floats", value: message.floats };
    case Kind.INTS:
      if (!message.ints.every(isPlainInt)) return { kind: "opaque", proto: message };
      return { kind: "ints", value: message.ints.map(Number) };
    case Kind.STRINGS: {
      const value = message.strings.map(decodeText);
      if (!value.every((text) => text !== undefined)) return { kind: "opaque", proto: message };
      return { kind: "strings", value };
    }
    case Kind.TENSOR:
      if (message.t === undefined)
        throw new ModelError(`attribute '${message.name}': expected a tensor, got nothing.`);
      return { kind: "tensor", value: read.tensor(message.t) };
    case Kind.GRAPH:
      if (message.g === undefined)
        throw new ModelError(`attribute '${message.name}': expected a graph, got nothing.`);
      return { kind: "graph", value: read.graph(message.g) };
    default:
      return { kind: "opaque", proto: message };
  }
}

/** The stated type, or (IR version 1 states none) the field that is filled. */
function kindOf(message: AttributeProto): Kind {
  if (message.type !== Kind.UNDEFINED) return message.type;
  const own = (field: keyof AttributeProto): boolean => Object.hasOwn(message, field);
  if (message.t !== undefined) return Kind.TENSOR;
  if (message.g !== undefined) return Kind.GRAPH;
  if (message.ints.length > 0) return Kind.INTS;
  if (message.floats.length > 0) return Kind.FLOATS;
  if (message.strings.length > 0) return Kind.STRINGS;
  if (own("s")) return Kind.STRING;
  if (own("f")) return Kind.FLOAT;
  return own("i") ? Kind.INT : Kind.UNDEFINED;
}

/** The ends of int64 mean "to the end" in Slice; they come back exactly because writing clamps. */
function isPlainInt(value: bigint): boolean {
  return Number.isSafeInteger(Number(value)) || value === maxInt64 || value === -maxInt64 - 1n;
}

const maxInt64 = (1n << 63n) - 1n;

function toInt64(value: number): bigint {
  const exact = BigInt(value);
  return exact > maxInt64 ? maxInt64 : exact;
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The message of an attribute. */
export function writeAttribute(name: string, attribute: Attribute, write: AttributeWriter): AttributeProto {
  const encoder = new TextEncoder();
  switch (attribute.kind) {
    case "int":
      return create(AttributeProtoSchema, { name, type: Kind.INT, i: toInt64(attribute.value) });
    case "float":
      return create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: attribute.value });
    case "string":
      return create(AttributeProtoSchema, { name, type: Kind.STRING, s: encoder.encode(attribute.value) });
    case "ints":
      return create(AttributeProtoSchema, { name, type: Kind.INTS, ints: attribute.value.map(toInt64) });
    case "floats":
      return create(AttributeProtoSchema, { name, type: Kind.FLOATS, floats: [...attribute.value] });
    case "strings": {
      const strings = attribute.value.map((text) => encoder.encode(text));
      return create(AttributeProtoSchema, { name, type: Kind.STRINGS, strings });
    }
    case "tensor":
      return create(AttributeProtoSchema, { name, type: Kind.TENSOR, t: write.tensor(attribute.value) });
    case "graph":
      return create(AttributeProtoSchema, { name, type: Kind.GRAPH, g: write.graph(attribute.value) });
    case "opaque":
      return Object.assign(create(AttributeProtoSchema), attribute.proto as AttributeProto, { name });
    default:
      return assertNever(attribute);
  }
}
