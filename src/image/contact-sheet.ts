import { ParameterError } from "../errors.ts";
import { fillRectangle, paste, type Rgb, type RgbaImage, solidImage } from "./rgba-image.ts";
import type { Grid } from "./saliency-map.ts";
import { drawText, textWidth } from "./text.ts";

/** Slices of a sheet, unless more are asked for: six columns of them can still be read. */
const defaultMostSlices = 36;

/** One slice of the map of a volume. */
export function mapSlice(map: Grid, slice: number): Grid {
  const { depth = 1, height, width } = map;
  if (!Number.isInteger(slice) || slice < 0 || slice >= depth)
    throw new ParameterError(`slice: expected a whole number from 0 to ${depth - 1}, got ${slice}.`);
  return { height, width, values: map.values.subarray(slice * height * width, (slice + 1) * height * width) };
}

/** Which slices of so many a sheet shows: all, or evenly spaced ones with the first and the last. */
export function shownSlices(depth: number, most: number = defaultMostSlices): readonly number[] {
  if (depth <= most) return Array.from({ length: depth }, (_, slice) => slice);
  return Array.from({ length: most }, (_, index) => Math.round((index * (depth - 1)) / (most - 1)));
}

/** A picture of a sheet and the number that stands in its corner. */
export interface SheetCell {
  readonly image: RgbaImage;
  readonly slice: number;
}

const badge: Rgb = [20, 22, 28];
const gap = 2;

/** Pictures of one size row by row, as square as possible, each with its slice's number in the corner. */
export function contactSheet(cells: readonly SheetCell[]): RgbaImage {
  const [first] = cells;
  if (first === undefined) throw new ParameterError("sheet: expected at least one slice, got none.");
  const { width, height } = first.image;
  const columns = Math.ceil(Math.sqrt((cells.length * height) / width));
  const rows = Math.ceil(cells.length / columns);
  const sheet = solidImage(columns * (width + gap) - gap, rows * (height + gap) - gap);
  const size = Math.max(11, Math.min(16, Math.round(width / 10)));
  for (const [index, { image, slice }] of cells.entries()) {
    const left = (index % columns) * (width + gap);
    const top = Math.floor(index / columns) * (height + gap);
    paste(sheet, image, left, top);
    const text = String(slice);
    const box = { left, top, width: Math.ceil(textWidth(text, { size })) + 8, height: size + 5 };
    fillRectangle(sheet, box, badge, 0.65);
    drawText(sheet, text, { size, left: left + 4, baseline: top + size, color: [255, 255, 255] });
  }
  return sheet;
}
