import { fromBinary } from "@bufbuild/protobuf";
import { memorySource } from "./byte-source.ts";
import { externalDataOf } from "./external-data.ts";
import { TensorProto_DataLocation, TensorProtoSchema } from "./generated/onnx-ml_pb.ts";
import { malformed, maxDepth, nestedMessages, openCursor, varint, type MessageKind } from "./wire.ts";

/** A stretch of a file to be written: bytes, or a copy of a stretch of another file. */
export type Segment =
  | Uint8Array
  | { readonly location: string; readonly offset: number; readonly length: number };

/** A file as a list of stretches, so that gigabytes are never in memory at once. */
export interface SegmentedFile {
  readonly segments: readonly Segment[];
  /** Bytes in all. */
  readonly length: number;
}

/** Depth of the initializers of the main graph: model, graph, tensor. */
const initializerDepth = 2;

/**
 * The inverse of `scanModel`: a self-contained model out of one whose weights lie in files. Each `external` tensor
 * becomes one with `raw_data`.
 *
 * @param bytes an encoded model
 * @param scope `all` tensors, or only the `inner` ones, which are not initializers of the main graph
 * @param sizeOf size in bytes of the file at a location, for tensors that extend to the end of it
 */
export function embedWeights(
  bytes: Uint8Array,
  scope: "all" | "inner",
  sizeOf: (location: string) => number,
): SegmentedFile {
  const cursor = openCursor(memorySource(bytes));

  interface Rewritten {
    readonly segments: Segment[];
    length: number;
    isChanged: boolean;
  }

  function rewrite(kind: MessageKind, start: number, end: number, depth: number): Rewritten {
    if (depth > maxDepth) throw malformed(start, `at most ${maxDepth} nested messages`, "more");
    const out: Rewritten = { segments: [], length: 0, isChanged: false };
    const push = (segment: Uint8Array): void => {
      out.segments.push(segment);
      out.length += segment.length;
    };
    const isInScope = kind === "tensor" && (scope === "all" || depth !== initializerDepth);
    const external = isInScope ? externalOf(bytes.subarray(start, end)) : undefined;
    let runStart = start;
    const flush = (to: number): void => {
      if (to > runStart) push(bytes.subarray(runStart, to));
    };
    for (let position = start; position < end;) {
      const fieldStart = position;
      const field = cursor.field(position, end);
      position = field.end;
      // external_data and data_location
      if (external !== undefined && (field.number === 13 || field.number === 14)) {
        flush(fieldStart);
        runStart = position;
        continue;
      }
      const child = field.wireType === 2 ? nestedMessages[kind][field.number] : undefined;
      if (child === undefined) continue;
      const inner = rewrite(child, field.start, field.end, depth + 1);
      if (!inner.isChanged) continue;
      flush(fieldStart);
      push(varint((field.number << 3) | 2));
      push(varint(inner.length));
      out.segments.push(...inner.segments);
      out.length += inner.length;
      out.isChanged = true;
      runStart = position;
    }
    flush(end);
    if (external !== undefined) {
      const length = external.length ?? sizeOf(external.location) - external.offset;
      push(Uint8Array.of(0x4a));
      push(varint(length));
      out.segments.push({ ...external, length });
      out.length += length;
      out.isChanged = true;
    }
    return out;
  }

  const { segments, length } = rewrite("model", 0, bytes.length, 0);
  return { segments, length };
}

function externalOf(tensor: Uint8Array): ReturnType<typeof externalDataOf> | undefined {
  const message = fromBinary(TensorProtoSchema, tensor);
  return message.dataLocation === TensorProto_DataLocation.EXTERNAL ? externalDataOf(message) : undefined;
}
