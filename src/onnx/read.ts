import { fromBinary } from "@bufbuild/protobuf";
import { ExplainError, ModelError } from "../errors.ts";
import { memorySource } from "./byte-source.ts";
import { locationsOf } from "./external-data.ts";
import {
  ModelProtoSchema,
  type FunctionProto,
  type ModelProto,
  type OperatorSetIdProto,
} from "./generated/onnx-ml_pb.ts";
import { readAttributes, readGraph, readNode } from "./graph-proto.ts";
import { functionKey, type ModelFile, type OnnxFunction, type OnnxModel } from "./model.ts";
import { inOrder } from "./node-order.ts";
import { recognizeForeignFile } from "./recognize.ts";
import { scanModel } from "./scan.ts";
import { readTensor, type ByteSources } from "./tensor-proto.ts";

export interface ReadModelOptions {
  /** The file's name; external data that a file refers to as itself has it. Default `model.onnx`. */
  readonly location?: string;
  /** Data files that the model refers to, by the location that it names. */
  readonly dataFiles?: readonly { readonly location: string; readonly bytes: Uint8Array }[];
}

/**
 * Reads a model from memory. Nothing is copied or decoded that is 1 KiB or larger: such tensors are `external`, at
 * offsets in `bytes`.
 *
 * @throws ModelError for what is not an ONNX model, damaged or refers to files outside its folder
 * @example
 * const model = readModel(new Uint8Array(await response.arrayBuffer()), { location: "resnet50.onnx" });
 */
export function readModel(bytes: Uint8Array, options: ReadModelOptions = {}): OnnxModel {
  const location = options.location ?? "model.onnx";
  const toFile = (name: string, content: Uint8Array): ModelFile => ({
    location: name,
    source: content,
    bytes: memorySource(content),
  });
  const dataFiles = (options.dataFiles ?? []).map((file) => toFile(file.location, file.bytes));
  return readModelFrom(toFile(location, bytes), () => dataFiles);
}

/**
 * Reads a model from a file that need not be in memory.
 *
 * @param findFiles gets the locations of the data files that the model names and returns those that it has
 */
export function readModelFrom(
  file: ModelFile,
  findFiles: (locations: readonly string[]) => readonly ModelFile[],
): OnnxModel {
  const foreign = recognizeForeignFile(file.bytes);
  if (foreign !== undefined) throw new ModelError(`${file.location}: expected an ONNX model, got ${foreign}`);
  try {
    const message = fromBinary(ModelProtoSchema, scanModel(file.bytes, file.location));
    return readMessage(message, file, findFiles);
  } catch (error) {
    if (error instanceof ExplainError)
      throw new ModelError(`${file.location}: ${error.message}`, { cause: error });
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelError(
      `${file.location}: expected an ONNX model, got bytes that cannot be decoded (${reason}). ` +
        "The file is damaged or incomplete; download or export it again.",
      { cause: error },
    );
  }
}

function readMessage(
  message: ModelProto,
  file: ModelFile,
  findFiles: (locations: readonly string[]) => readonly ModelFile[],
): OnnxModel {
  if (message.graph === undefined || message.graph.output.length === 0) {
    throw new ModelError(
      "expected an ONNX model, got a file without a graph. If it is a TensorFlow SavedModel, convert it with tf2onnx; " +
        "otherwise it is damaged.",
    );
  }
  const opsets = readOpsets(message.opsetImport);
  if (opsets.size === 0 && Number(message.irVersion) >= 3) {
    throw new ModelError(
      "expected opset_import, got none. The file is damaged or incomplete; export it again.",
    );
  }
  // IR versions 1 and 2 have no opset_import: they are opset 1.
  if (opsets.size === 0) opsets.set("", 1);
  const externalLocations = locationsOf(message);
  const others = externalLocations.filter((location) => location !== file.location);
  const files = [file, ...findFiles(others)];
  const sources: ByteSources = new Map(files.map(({ location, bytes }) => [location, bytes]));
  const graph = readGraph(message.graph, sources, new Set());
  return {
    graph,
    opsets,
    irVersion: Number(message.irVersion),
    metadata: new Map(message.metadataProps.map(({ key, value }) => [key, value])),
    producer: { name: inOneLine(message.producerName), version: inOneLine(message.producerVersion) },
    functions: readFunctions(message.functions, sources),
    location: file.location,
    externalLocations,
    files,
    proto: message,
  };
}

/** Some write a page about their build there. */
function inOneLine(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

function readOpsets(imports: readonly OperatorSetIdProto[]): Map<string, number> {
  return new Map(imports.map(({ domain, version }) => [domain === "ai.onnx" ? "" : domain, Number(version)]));
}

function readFunctions(
  messages: readonly FunctionProto[],
  sources: ByteSources,
): ReadonlyMap<string, OnnxFunction> {
  const functions = new Map<string, OnnxFunction>();
  for (const message of messages) {
    const known = new Set(message.input);
    const scope = new Set([...known, ...message.node.flatMap((node) => node.output)]);
    const attributeDefaults = readAttributes(message.attributeProto, {
      tensor: (tensor) => readTensor(tensor, sources),
      graph: (graph) => readGraph(graph, sources, scope),
    });
    functions.set(functionKey(message.domain, message.name, message.overload), {
      name: message.name,
      domain: message.domain,
      overload: message.overload,
      inputs: message.input,
      outputs: message.output,
      attributeNames: message.attribute,
      attributeDefaults,
      nodes: inOrder(
        message.node.map((node) => readNode(node, sources, scope)),
        known,
      ),
      opsets: readOpsets(message.opsetImport),
    });
  }
  return functions;
}
