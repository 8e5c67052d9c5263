import { ShapeError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ResizeFilter, resampleTaps, type Taps } from "./resample-taps.ts";
import type { Rectangle } from "./rectangle.ts";

/** Interleaved pixels `[height, width, channels]`. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Float32Array | Uint8Array | Uint8ClampedArray | Uint16Array;
}

/** A raster of floats, what resizing gives. */
export interface FloatRaster extends Raster {
  readonly data: Float32Array;
}

export interface ResizeOptions {
  /** Default `bilinear`, what most networks were trained with. */
  readonly filter?: ResizeFilter;
  /** Widens the filter when shrinking, as Pillow does. Default true; false is OpenCV's and PyTorch's plain interpolation. */
  readonly antialias?: boolean;
  /** The part of the source that fills the result, in source pixels. Default all. Pixels beside it still enter the filter, as in Pillow's `box`. */
  readonly region?: Rectangle;
}

/**
 * The raster at another size: separable resampling as Pillow does it (horizontal pass, then vertical, weights that sum
 * to 1, nothing outside the image), but in floats, without rounding between the passes. Value range is kept except that
 * `bicubic` and `lanczos3` overshoot.
 * @throws {@link ShapeError} if a size is not a positive integer or the region leaves the image.
 */
export function resize(
  source: Raster,
  width: number,
  height: number,
  options: ResizeOptions = {},
): FloatRaster {
  const { filter = "bilinear", antialias = true } = options;
  const region = options.region ?? { left: 0, top: 0, width: source.width, height: source.height };
  checkSizes(source, region, width, height);
  const columns = resampleTaps({
    inputSize: source.width,
    outputSize: width,
    start: region.left,
    length: region.width,
    filter,
    antialias,
  });
  const rows = resampleTaps({
    inputSize: source.height,
    outputSize: height,
    start: region.top,
    length: region.height,
    filter,
    antialias,
  });
  const firstRow = rows.first[0] ?? 0;
  const endRow = (rows.first[height - 1] ?? 0) + (rows.count[height - 1] ?? 0);
  const narrow = resampleRows(source, columns, firstRow, endRow);
  return {
    width,
    height,
    channels: source.channels,
    data: resampleColumns(narrow, width * source.channels, rows, firstRow),
  };
}

/** Resizes the last two axes of a tensor `[..., H, W]`. */
export function resizeTensor(
  source: Tensor,
  height: number,
  width: number,
  options: ResizeOptions = {},
): Tensor {
  const inputHeight = source.dims.at(-2) ?? 1;
  const inputWidth = source.dims.at(-1) ?? 1;
  const leading = source.dims.slice(0, -2);
  const planeCount = leading.reduce((product, dim) => product * dim, 1);
  const data = new Float32Array(planeCount * height * width);
  for (let plane = 0; plane < planeCount; plane++) {
    const size = inputHeight * inputWidth;
    const values = source.data.subarray(plane * size, (plane + 1) * size);
    const resized = resize(
      { width: inputWidth, height: inputHeight, channels: 1, data: values },
      width,
      height,
      options,
    );
    data.set(resized.data, plane * height * width);
  }
  return { type: "float32", dims: [...leading, height, width], data };
}

function resampleRows(source: Raster, taps: Taps, firstRow: number, endRow: number): Float32Array {
  const { width, channels, data } = source;
  const outputWidth = taps.first.length;
  const result = new Float32Array((endRow - firstRow) * outputWidth * channels);
  // One kind of array in the inner loop, whatever the source: the engine then keeps it fast.
  const row = new Float64Array(width * channels);
  let target = 0;
  for (let y = firstRow; y < endRow; y++) {
    row.set(data.subarray(y * row.length, (y + 1) * row.length));
    for (let x = 0; x < outputWidth; x++) {
      const firstWeight = x * taps.capacity;
      const endWeight = firstWeight + taps.count[x]!;
      const start = taps.first[x]! * channels;
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        let position = start + channel;
        for (let weight = firstWeight; weight < endWeight; weight++) {
          sum += row[position]! * taps.weights[weight]!;
          position += channels;
        }
        result[target++] = sum;
      }
    }
  }
  return result;
}

function resampleColumns(data: Float32Array, rowLength: number, taps: Taps, firstRow: number): Float32Array {
  const outputHeight = taps.first.length;
  const result = new Float32Array(outputHeight * rowLength);
  const sums = new Float64Array(rowLength);
  for (let y = 0; y < outputHeight; y++) {
    sums.fill(0);
    const count = taps.count[y]!;
    for (let tap = 0; tap < count; tap++) {
      const weight = taps.weights[y * taps.capacity + tap]!;
      const row = (taps.first[y]! - firstRow + tap) * rowLength;
      for (let index = 0; index < rowLength; index++) sums[index]! += data[row + index]! * weight;
    }
    result.set(sums, y * rowLength);
  }
  return result;
}

function checkSizes(source: Raster, region: Rectangle, width: number, height: number): void {
  for (const size of [width, height, source.width, source.height]) {
    if (!Number.isInteger(size) || size < 1) {
      throw new ShapeError(
        `resize: expected sizes of at least 1 x 1, got ${source.width} x ${source.height} to ${width} x ${height}.`,
      );
    }
  }
  // A tolerance, because crops are computed in floating point.
  const slack = 1e-6 * Math.max(source.width, source.height);
  const isInside =
    region.left >= -slack &&
    region.top >= -slack &&
    region.left + region.width <= source.width + slack &&
    region.top + region.height <= source.height + slack;
  if (!isInside || !(region.width > 0) || !(region.height > 0)) {
    throw new ShapeError(
      `resize: expected a region inside the ${source.width} x ${source.height} image, ` +
        `got left ${region.left}, top ${region.top}, ${region.width} x ${region.height}. Intersect it with the image first.`,
    );
  }
}
