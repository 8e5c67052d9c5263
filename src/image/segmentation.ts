import { ShapeError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A partition of an image's pixels into segments. */
export interface Segmentation {
  readonly width: number;
  readonly height: number;
  /** The segment of each pixel, row-major, 0 to `count - 1`, each used. */
  readonly labels: Int32Array;
  readonly count: number;
}

/** Renames labels to 0, 1, ... in the order of their values, so that none is missing. */
export function relabel(labels: ArrayLike<number>, width: number, height: number): Segmentation {
  const sorted = [...new Set(Array.from(labels))].sort((a, b) => a - b);
  const rank = new Map(sorted.map((label, index) => [label, index]));
  return {
    width,
    height,
    labels: Int32Array.from(labels, (label) => rank.get(label) ?? 0),
    count: sorted.length,
  };
}

/**
 * Height and width of a colour image `[3, H, W]` or `[1, 3, H, W]`, what the segmenters take.
 * @throws {@link ShapeError} for any other shape.
 */
export function colorImageSize(image: Tensor): { readonly height: number; readonly width: number } {
  const dims = image.dims.length === 4 && image.dims[0] === 1 ? image.dims.slice(1) : image.dims;
  const [channels, height, width] = dims;
  if (dims.length !== 3 || channels !== 3 || height === undefined || width === undefined) {
    throw new ShapeError(
      `segmentation: expected a colour image [3, H, W] in pixel space, got [${image.dims.join(", ")}]. Replicate grey to three channels.`,
    );
  }
  return { height, width };
}
