import { create, toBinary } from "@bufbuild/protobuf";
import { assert, ModelError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { embedWeights, type SegmentedFile } from "./embed.ts";
import { locationsOf } from "./external-data.ts";
import { ModelProtoSchema, OperatorSetIdProtoSchema, type ModelProto } from "./generated/onnx-ml_pb.ts";
import { writeGraph } from "./graph-proto.ts";
import type { ModelFile } from "./model.ts";
import { concatenate } from "./wire.ts";

/** What is written: a graph and, if it came from a file, the model around it. */
export interface WritableModel {
  readonly graph: Graph;
  readonly opsets: ReadonlyMap<string, number>;
  /** Default: 8, or what the model was read with. */
  readonly irVersion?: number;
  readonly metadata?: ReadonlyMap<string, string>;
  /** Files that `external` initializers point into; those that the graph uses come back from {@link writeModel}. */
  readonly files?: readonly ModelFile[];
  /** The model's message, for all that is not named here (functions, training information, doc strings). */
  readonly proto?: unknown;
}

/** A serialised model for a session: weights that lie in files stay there. */
export interface WrittenModel {
  readonly bytes: Uint8Array;
  readonly externalFiles: readonly {
    readonly location: string;
    readonly source: Uint8Array | { readonly path: string };
  }[];
}

/**
 * Encodes a model. Initializers of kind `external` become references (location, offset, length), so that a graph of any
 * size gives a few hundred kilobytes; the files that they point into are listed beside. Tensors in attributes are
 * written out: ONNX Runtime does not look for those of inner graphs in files.
 *
 * @throws ModelError if a file that the graph needs is not at hand
 * @example
 * const session = await runtime.createSession(writeModel({ ...model, graph: differentiated }));
 */
export function writeModel(model: WritableModel): WrittenModel {
  const { bytes, used } = encode(model);
  const inMain = new Set<string>();
  for (const { data } of model.graph.initializers.values())
    if (data.kind === "external") inMain.add(data.location);
  const externalFiles = used
    .filter(({ location }) => inMain.has(location))
    .map(({ location, source }) => ({ location, source }));
  return { bytes: join(embedWeights(bytes, "inner", sizeIn(used)), used), externalFiles };
}

/**
 * Encodes a model with all its weights inside, in memory: what a browser offers for download.
 *
 * @throws ModelError if a file that the graph needs is not at hand
 */
export function writeWholeModel(model: WritableModel): Uint8Array {
  const { bytes, used } = encode(model);
  return join(embedWeights(bytes, "all", sizeIn(used)), used);
}

/** A model with references for all tensors that lie in files, and these files. */
export function encode(model: WritableModel): {
  readonly bytes: Uint8Array;
  readonly used: readonly ModelFile[];
} {
  const message = writeMessage(model);
  const used = locationsOf(message).map((location) => {
    const file = model.files?.find((candidate) => candidate.location === location);
    if (file !== undefined) return file;
    throw new ModelError(
      `The model's data file '${location}' is missing. Put it beside the model, or give both files.`,
    );
  });
  return { bytes: toBinary(ModelProtoSchema, message), used };
}

/** The size in bytes of the file at a location. */
export function sizeIn(files: readonly ModelFile[]): (location: string) => number {
  return (location) => fileAt(files, location).bytes.size;
}

function fileAt(files: readonly ModelFile[], location: string): ModelFile {
  const file = files.find((candidate) => candidate.location === location);
  assert(file !== undefined, `encode has checked that '${location}' is there`);
  return file;
}

function join({ segments, length }: SegmentedFile, files: readonly ModelFile[]): Uint8Array {
  const parts = segments.map((segment) =>
    segment instanceof Uint8Array
      ? segment
      : fileAt(files, segment.location).bytes.read(segment.offset, segment.length),
  );
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : concatenate(parts, length);
}

/** The message of a model, weights in files left there. */
function writeMessage(model: WritableModel): ModelProto {
  const message = create(ModelProtoSchema);
  if (model.proto !== undefined) Object.assign(message, model.proto as ModelProto);
  // IR 8 goes with opset 17; older runtimes refuse newer versions.
  message.irVersion = BigInt(model.irVersion ?? 8);
  message.graph = writeGraph(model.graph);
  message.opsetImport = Array.from(model.opsets, ([domain, version]) =>
    create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
  );
  if (model.metadata !== undefined) {
    message.metadataProps = Array.from(model.metadata, ([key, value]) => ({
      $typeName: "onnx.StringStringEntryProto",
      key,
      value,
    }));
  }
  return message;
}
