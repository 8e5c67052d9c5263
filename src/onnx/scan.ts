import { ModelError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";

/** Tensors of at least this many bytes stay where they are; smaller ones are worth having in memory. */
export const externalThreshold = 1024;

type MessageKind = "model" | "graph" | "function" | "node" | "attribute" | "tensor";

/** The fields, by number, in which large tensors can hide. */
const nested: Readonly<Record<MessageKind, Readonly<Partial<Record<number, MessageKind>>>>> = {
  model: { 7: "graph", 25: "function" },
  graph: { 1: "node", 5: "tensor" },
  function: { 7: "node", 11: "attribute" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph" },
  tensor: {},
};

/** `raw_data`, and the packed `float_data` and `double_data`, whose bytes are the same little-endian elements. */
const bulkFields: ReadonlySet<number> = new Set([9, 4, 10]);

const maxDepth = 100;
const windowSize = 1 << 18;

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
      const child = nested[kind][field.number];
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

interface Field {
  readonly number: number;
  readonly wireType: number;
  /** Where the content lies (for wire type 2, after the length). */
  readonly start: number;
  readonly end: number;
}

/** Reads field headers through a window that moves over the source. */
function openCursor(source: ByteSource): { field(position: number, end: number): Field } {
  let base = 0;
  let view: Uint8Array = new Uint8Array(0);
  let position = 0;

  function byte(end: number): number {
    if (position >= end) throw malformed(position, "more bytes", "the end of the message");
    if (position < base || position >= base + view.length) {
      base = position;
      view = source.read(base, Math.min(windowSize, source.size - base));
    }
    return view[position++ - base] ?? 0;
  }
  function readVarint(end: number): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const next = byte(end);
      value += (next & 0x7f) * scale;
      if (next < 0x80) return value;
      scale *= 128;
    }
    throw malformed(position, "a number of at most 10 bytes", "a longer one");
  }
  return {
    field(at, end) {
      position = at;
      const tag = readVarint(end);
      const number = Math.floor(tag / 8);
      const wireType = tag % 8;
      if (number < 1 || number >= 1 << 29) throw malformed(at, "a field number", String(number));
      let start = position;
      let stop: number;
      if (wireType === 0) {
        readVarint(end);
        stop = position;
      } else if (wireType === 1) stop = start + 8;
      else if (wireType === 5) stop = start + 4;
      else if (wireType === 2) {
        const length = readVarint(end);
        start = position;
        stop = start + length;
      } else throw malformed(at, "a wire type that ONNX uses (0, 1, 2 or 5)", String(wireType));
      if (stop > end) {
        throw malformed(
          at,
          `field ${number} to end within its message (${end - start} bytes left)`,
          `${stop - start} bytes`,
        );
      }
      return { number, wireType, start, end: stop };
    },
  };
}

function malformed(position: number, expected: string, got: string): ModelError {
  return new ModelError(
    `byte ${position}: expected ${expected}, got ${got}. The file is damaged, incomplete or not ONNX.`,
  );
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

/** A number below 2^53 as a protobuf varint. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function concatenate(parts: readonly Uint8Array[], length: number): Uint8Array {
  const result = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}
