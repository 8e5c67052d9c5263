import { create, toBinary } from "@bufbuild/protobuf";
import { assert, ModelError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import type { ByteSource } from "./byte-source.ts";
import { embedWeights } from "./embed.ts";
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
 * size gives a few hundred kilobytes; the files that they point into are listed beside.
 *
 * @throws ModelError if a file that the graph needs is not at hand
 * @example
 * const session = await runtime.createSession(writeModel({ ...model, graph: differentiated }));
 */
export function writeModel(model: WritableModel): WrittenModel {
  const message = writeMessage(model);
  const externalFiles = locationsOf(message).map((location) => {
    const file = model.files?.find((candidate) => candidate.location === location);
    if (file === undefined) {
      throw new ModelError(
        `The model's data file '${location}' is missing. Put it beside the model, or give both files.`,
      );
    }
    return { location, source: file.source };
  });
  return { bytes: toBinary(ModelProtoSchema, message), externalFiles };
}

/** The message of a model, weights in files left there. */
export function writeMessage(model: WritableModel): ModelProto {
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

/**
 * Encodes a model with all its weights inside, in memory: what a browser offers for download.
 *
 * @throws ModelError if a file that the graph needs is not at hand
 */
export function writeWholeModel(model: WritableModel): Uint8Array {
  const { bytes } = writeModel(model);
  const sourceOf = (location: string): ByteSource => {
    const file = model.files?.find((candidate) => candidate.location === location);
    assert(file !== undefined, `writeModel has checked that '${location}' is there`);
    return file.bytes;
  };
  const { segments, length } = embedWeights(bytes, (location) => sourceOf(location).size);
  const parts = segments.map((segment) =>
    segment instanceof Uint8Array ? segment : sourceOf(segment.location).read(segment.offset, segment.length),
  );
  return concatenate(parts, length);
}
