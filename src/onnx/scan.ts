import type { ByteSource } from "./byte-source.ts";
import {
  concatenate,
  malformed,
  maxDepth,
  nestedMessages,
  openCursor,
  varint,
  type MessageKind,
} from "./wire.ts";

/** Tensors of at least this many bytes stay where they are; smaller ones are worth having in memory. */
export const externalThreshold = 1024;

/** `raw_data`, and the packed `float_data` and `double_data`, whose bytes are the same little-endian elements. */
const bulkFields: ReadonlySet<number> = new Set([9, 4, 10]);

/** Protobuf bytes in pieces. */
interface Pieces {
  readonly parts: Uint8Array[];
  length: number;
}

/**
 * A copy of a model's bytes without its weights: the content of every tensor of 1 KiB or more is replaced by an
 * external data entry that points to where it lies in the source (`location`, offset, length). Weights are skipped by
 * length, so a file of any size costs only its small fields.
 *
 * @param location the name by which the entries call the source
 * @throws ModelError where the bytes are not well-formed protobuf
 */
export function scanModel(source: ByteSource, location: string): Uint8Array {
  const cursor = openCursor(source);

  function rewrite(kind: MessageKind, start: number, end: number, depth: number): Pieces {
    if (depth > maxDepth) throw malformed(start, `at most ${maxDepth} nested messages`, "more");
    const out: Pieces = { parts: [], length: 0 };
    const bulk: { readonly offset: number; readonly length: number }[] = [];
    let runStart = start;
    const flush = (to: number): void => {
      if (to > runStart) append(out, source.read(runStart, to - runStart));
    };
    let position = start;
    while (position < end) {
      const fieldStart = position;
      const field = cursor.field(position, end);
      position = field.end;
      if (field.wireType !== 2 || field.end - field.start < externalThreshold) continue;
      const child = nestedMessages[kind][field.number];
      if (child !== undefined) {
        flush(fieldStart);
        const inner = rewrite(child, field.start, field.end, depth + 1);
        append(out, varint((field.number << 3) | 2), varint(inner.length), ...inner.parts);
        runStart = position;
      } else if (kind === "tensor" && bulkFields.has(field.number)) {
        flush(fieldStart);
        bulk.push({ offset: field.start, length: field.end - field.start });
        runStart = position;
      }
    }
    const [only] = bulk;
    if (bulk.length > 1) {
      // A packed field in several chunks: legal and never seen; the decoder joins them.
      return { parts: [source.read(start, end - start)], length: end - start };
    }
    flush(end);
    if (only !== undefined) append(out, externalFields(location, only.offset, only.length));
    return out;
  }

  const { parts, length } = rewrite("model", 0, source.size, 0);
  return concatenate(parts, length);
}

function append(out: Pieces, ...parts: readonly Uint8Array[]): void {
  for (const part of parts) {
    out.parts.push(part);
    out.length += part.length;
  }
}

/** The fields `external_data` and `data_location = EXTERNAL` of a TensorProto, encoded. */
function externalFields(location: string, offset: number, length: number): Uint8Array {
  const encoder = new TextEncoder();
  const out: Pieces = { parts: [], length: 0 };
  for (const [key, value] of [
    ["location", location],
    ["offset", String(offset)],
    ["length", String(length)],
  ] as const) {
    const entry: Pieces = { parts: [], length: 0 };
    for (const [tag, text] of [
      [0x0a, encoder.encode(key)],
      [0x12, encoder.encode(value)],
    ] as const) {
      append(entry, Uint8Array.of(tag), varint(text.length), text);
    }
    append(out, Uint8Array.of(0x6a), varint(entry.length), ...entry.parts);
  }
  append(out, Uint8Array.of(0x70, 0x01));
  return concatenate(out.parts, out.length);
}
