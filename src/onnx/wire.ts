import { ModelError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";

/** The messages of ONNX in which weights can hide. */
export type MessageKind = "model" | "graph" | "function" | "node" | "attribute" | "tensor";

/** The fields, by number, that hold such messages. */
export const nestedMessages: Readonly<Record<MessageKind, Readonly<Partial<Record<number, MessageKind>>>>> = {
  model: { 7: "graph", 25: "function" },
  graph: { 1: "node", 5: "tensor" },
  function: { 7: "node", 11: "attribute" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph" },
  tensor: {},
};

/** No model nests deeper; the limit keeps hostile files from exhausting the stack. */
export const maxDepth = 100;
const windowSize = 1 << 18;

export interface Field {
  readonly number: number;
  readonly wireType: number;
  /** Where the content lies (for wire type 2, after the length). */
  readonly start: number;
  readonly end: number;
}

/** Reads field headers through a window that moves over the source. */
export function openCursor(source: ByteSource): { field(position: number, end: number): Field } {
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

/** The error for bytes that are not well-formed protobuf. */
export function malformed(position: number, expected: string, got: string): ModelError {
  return new ModelError(
    `byte ${position}: expected ${expected}, got ${got}. The file is damaged, incomplete or not ONNX.`,
  );
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

/** Joins pieces of a known total length. */
export function concatenate(parts: readonly Uint8Array[], length: number): Uint8Array {
  const result = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}
