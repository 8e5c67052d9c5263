import { ModelError } from "../errors.ts";

/** Bytes that can be read in pieces: a buffer, or a file that is never loaded whole. */
export interface ByteSource {
  /** Length in bytes. */
  readonly size: number;
  /** `length` bytes from `offset` on, possibly a view of memory that others hold. Throws `ModelError` past the end. */
  read(offset: number, length: number): Uint8Array;
}

/** A source over bytes in memory; reads are views. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > bytes.length) {
        throw new ModelError(`Expected ${length} bytes at ${offset}, got a file of ${bytes.length} bytes.`);
      }
      return bytes.subarray(offset, offset + length);
    },
  };
}
