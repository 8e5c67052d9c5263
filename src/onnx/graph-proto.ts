import { create } from "@bufbuild/protobuf";
import { ModelError } from "../errors.ts";
import type { Attribute, Attributes, Graph, GraphNode, Initializer, ValueInfo } from "../graph/graph.ts";
import { readAttribute, writeAttribute, type AttributeReader, type AttributeWriter } from "./attributes.ts";
import {
  GraphProtoSchema,
  NodeProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
} from "./generated/onnx-ml_pb.ts";
import { inOrder } from "./node-order.ts";
import { readTensor, writeTensor, type ByteSources } from "./tensor-proto.ts";
import { readValueInfo, writeValueInfo } from "./value-info.ts";

/** The message of a node with what its attributes were read as: unchanged attributes are written as they came. */
interface NodeOrigin {
  readonly message: NodeProto;
  readonly attributes: Attributes;
}

/**
 * A graph, its nodes in topological order.
 *
 * @param outer values of enclosing graphs that nodes may read
 */
export function readGraph(message: GraphProto, sources: ByteSources, outer: ReadonlySet<string>): Graph {
  const initializers = new Map<string, Initializer>();
  for (const tensor of message.initializer) {
    if (initializers.has(tensor.name)) throw duplicate(message, tensor.name);
    initializers.set(tensor.name, readTensor(tensor, sources));
  }
  const known = new Set([...outer, ...initializers.keys()]);
  for (const sparse of message.sparseInitializer) known.add(sparse.values?.name ?? "");
  const inputs = message.input.map(readValueInfo);
  for (const input of inputs) known.add(input.name);
  const produced = new Set<string>();
  for (const node of message.node) {
    for (const output of node.output) {
      if (output === "") continue;
      if (produced.has(output)) throw duplicate(message, output);
      produced.add(output);
    }
  }
  const scope = new Set([...known, ...produced]);
  const nodes = message.node.map((node) => readNode(node, sources, scope));
  const outputs = message.output.map(readValueInfo);
  for (const { name } of outputs) {
    if (!scope.has(name)) throw new ModelError(`output '${name}': no node computes it. The file is damaged.`);
  }
  const valueInfo = new Map(
    message.valueInfo.map((value): [string, ValueInfo] => [value.name, readValueInfo(value)]),
  );
  return {
    name: message.name,
    inputs,
    outputs,
    nodes: inOrder(nodes, known),
    initializers,
    valueInfo,
    ...(message.docString === "" ? {} : { docString: message.docString }),
    proto: message,
  };
}

function duplicate(graph: GraphProto, value: string): ModelError {
  return new ModelError(`graph '${graph.name}': value '${value}' is defined twice. The file is damaged.`);
}

/** A node; graphs in its attributes may read the values in `scope`. */
export function readNode(message: NodeProto, sources: ByteSources, scope: ReadonlySet<string>): GraphNode {
  const reader: AttributeReader = {
    tensor: (tensor) => readTensor(tensor, sources),
    graph: (graph) => readGraph(graph, sources, scope),
  };
  const attributes = readAttributes(message.attribute, reader);
  const origin: NodeOrigin = { message, attributes };
  return {
    // Messages name nodes, and many files do not.
    name: message.name || (message.output[0] ?? ""),
    opType: message.opType,
    domain: message.domain === "ai.onnx" ? "" : message.domain,
    inputs: message.input,
    outputs: message.output,
    attributes,
    ...(message.docString === "" ? {} : { docString: message.docString }),
    proto: origin,
  };
}

/** The attributes of a node, or the defaults of a function, by name. */
export function readAttributes(messages: readonly AttributeProto[], reader: AttributeReader): Attributes {
  const attributes: Record<string, Attribute> = {};
  for (const attribute of messages) {
    // defineProperty: an attribute may be called "__proto__".
    const value = readAttribute(attribute, reader);
    Object.defineProperty(attributes, attribute.name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return attributes;
}

/** The message of a graph. Fields that `Graph` does not name come from the message it was read from. */
export function writeGraph(graph: Graph): GraphProto {
  const message = create(GraphProtoSchema);
  if (graph.proto !== undefined) Object.assign(message, graph.proto as GraphProto);
  message.name = graph.name;
  message.node = graph.nodes.map(writeNode);
  message.input = graph.inputs.map(writeValueInfo);
  message.output = graph.outputs.map(writeValueInfo);
  message.valueInfo = Array.from(graph.valueInfo.values(), writeValueInfo);
  message.initializer = Array.from(graph.initializers, ([name, initializer]) =>
    writeTensor(initializer, name),
  );
  if (graph.docString !== undefined) message.docString = graph.docString;
  return message;
}

/** The message of a node. Fields that `GraphNode` does not name come from the message it was read from. */
function writeNode(node: GraphNode): NodeProto {
  const origin = node.proto as NodeOrigin | undefined;
  const message = create(NodeProtoSchema);
  if (origin !== undefined) Object.assign(message, origin.message);
  if (node.name !== "" || origin !== undefined) message.name = node.name;
  message.opType = node.opType;
  if (node.domain !== "" || origin?.message.domain !== "ai.onnx") setOrDelete(message, "domain", node.domain);
  message.input = [...node.inputs];
  message.output = [...node.outputs];
  message.attribute = Object.entries(node.attributes).map(([name, attribute]) => {
    const unchanged = origin?.attributes[name] === attribute;
    const original = unchanged
      ? origin.message.attribute.find((candidate) => candidate.name === name)
      : undefined;
    return original ?? writeAttribute(name, attribute, writer);
  });
  if (node.docString !== undefined) message.docString = node.docString;
  return message;
}

function setOrDelete(message: NodeProto, field: "domain", value: string): void {
  if (value === "") delete (message as Partial<NodeProto>)[field];
  else message[field] = value;
}

const writer: AttributeWriter = {
  tensor: (initializer) => writeTensor(initializer, initializer.name),
  graph: writeGraph,
};
