import { DataError } from "../errors.ts";

/**
 * Run lengths of a mask as COCO writes them: alternating 0s and 1s, starting with 0s, down the columns from the left.
 */
export interface RunLengths {
  readonly counts: readonly number[];
  readonly height: number;
  readonly width: number;
}

/**
 * Decodes COCO's text form of run lengths: groups of 5 bits, least significant first, 48 added; from the fourth count
 * on, the difference to the count two places earlier.
 * @throws DataError for characters or lengths that cannot be.
 */
export function parseCompressedCounts(text: string): readonly number[] {
  const counts: number[] = [];
  for (let position = 0; position < text.length;) {
    let [value, groups, hasMore] = [0, 0, true];
    while (hasMore) {
      const group = text.charCodeAt(position) - 48;
      if (!(group >= 0 && group < 64) || groups === 6) {
        throw new DataError(
          `segmentation: expected compressed run lengths, got '${text.slice(0, 40)}' (character ${position}).`,
        );
      }
      value |= (group & 0x1f) << (5 * groups);
      hasMore = (group & 0x20) !== 0;
      position++;
      groups++;
      if (!hasMore && (group & 0x10) !== 0) value |= -1 << (5 * groups);
    }
    const previous = counts.length > 2 ? (counts[counts.length - 2] ?? 0) : 0;
    counts.push(value + previous);
  }
  return counts;
}

/** The text form of run lengths; the inverse of {@link parseCompressedCounts}. */
export function compressCounts(counts: readonly number[]): string {
  let text = "";
  counts.forEach((count, index) => {
    let value = index > 2 ? count - (counts[index - 2] ?? 0) : count;
    for (let hasMore = true; hasMore;) {
      const group = value & 0x1f;
      value >>= 5;
      hasMore = (group & 0x10) !== 0 ? value !== -1 : value !== 0;
      text += String.fromCharCode(group + (hasMore ? 0x20 : 0) + 48);
    }
  });
  return text;
}

/** The pixels of run lengths, row-major, 1 inside. @throws DataError if the runs do not fill the image. */
export function decodeRuns({ counts, height, width }: RunLengths): Uint8Array {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total !== height * width || counts.some((count) => !Number.isInteger(count) || count < 0)) {
    throw new DataError(
      `segmentation: expected run lengths that fill ${width} x ${height} = ${width * height} pixels, got ${total}.`,
    );
  }
  const mask = new Uint8Array(height * width);
  let position = 0;
  counts.forEach((count, run) => {
    for (let end = position + count; position < end; position++) {
      if (run % 2 === 1) mask[(position % height) * width + Math.floor(position / height)] = 1;
    }
  });
  return mask;
}

/** The run lengths of a row-major mask. */
export function encodeRuns(mask: Uint8Array, height: number, width: number): RunLengths {
  const counts: number[] = [];
  let [current, length] = [0, 0];
  for (let position = 0; position < height * width; position++) {
    const value = mask[(position % height) * width + Math.floor(position / height)] ?? 0;
    if (value !== current) {
      counts.push(length);
      [current, length] = [value, 0];
    }
    length++;
  }
  counts.push(length);
  return { counts, height, width };
}
