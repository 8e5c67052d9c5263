import { ParameterError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { rgbToLab } from "./color-lab.ts";
import { colorImageSize, type Segmentation } from "./segmentation.ts";

export interface SlicOptions {
  /** Wished number of segments. Textured images give clearly fewer. */
  readonly segmentCount: number;
  /** Weight of nearness against colour. Default 10, scikit-image's. */
  readonly compactness?: number;
  /** Rounds of assignment and averaging. Default 10, scikit-image's. */
  readonly iterations?: number;
}

/**
 * Superpixels by SLIC, as scikit-image computed them at the time of the paper (0.16 to 0.18: no rescaling of colours, no
 * smoothing).
 * Deviation: an empty cluster keeps its centre, where the reference divides by zero.
 * @param image `[3, H, W]` or `[1, 3, H, W]`, red green blue in 0..1 (pixel space).
 * @throws {@link ParameterError} for counts below 1.
 */
export function slic(image: Tensor, options: SlicOptions): Segmentation {
  return segmented(colorsOf(image, options.compactness), options.segmentCount, options.iterations);
}

/** {@link slic} for several numbers of segments: the colours, which are the same for all, are converted once. */
export function slicScales(image: Tensor, segmentCounts: readonly number[]): readonly Segmentation[] {
  const colors = colorsOf(image);
  return segmentCounts.map((segmentCount) => segmented(colors, segmentCount));
}

interface Colors {
  readonly width: number;
  readonly height: number;
  /** CIELAB over the compactness, `[H, W, 3]`. */
  readonly values: Float64Array;
}

function colorsOf(image: Tensor, compactness = 10): Colors {
  if (!(compactness > 0))
    throw new ParameterError(`compactness: expected a number above 0, got ${compactness}.`);
  return { ...colorImageSize(image), values: rgbToLab(image).map((value) => value / compactness) };
}

function segmented(
  { width, height, values }: Colors,
  segmentCount: number,
  iterations: number = 10,
): Segmentation {
  if (!(segmentCount >= 1))
    throw new ParameterError(`segmentCount: expected at least 1, got ${segmentCount}.`);
  if (height * width <= segmentCount) {
    return {
      width,
      height,
      labels: Int32Array.from({ length: height * width }, (_, index) => index),
      count: height * width,
    };
  }
  const labels = cluster(values, width, height, segmentCount, iterations);
  return connect(labels.labels, width, height, labels.clusterCount);
}

// Half to even, as NumPy rounds.
function round(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

/** Cluster centres: y, x, and three colour coordinates each. Colours start at zero, so the first assignment is by place only. */
function seedCentres(
  width: number,
  height: number,
  segmentCount: number,
): { centres: Float64Array; step: number } {
  const spacing = Math.sqrt((height * width) / segmentCount);
  const start = Math.floor(spacing / 2);
  const step = round(spacing);
  const centres: number[] = [];
  // The middle of sides shorter than the spacing, where the reference finds no place for a seed.
  const top = Math.min(start, Math.floor(height / 2));
  const left = Math.min(start, Math.floor(width / 2));
  for (let y = top; y < height; y += step)
    for (let x = left; x < width; x += step) centres.push(y, x, 0, 0, 0);
  return { centres: Float64Array.from(centres), step };
}

function cluster(
  colors: Float64Array,
  width: number,
  height: number,
  segmentCount: number,
  iterations: number,
): { labels: Int32Array; clusterCount: number } {
  const { centres, step } = seedCentres(width, height, segmentCount);
  const clusterCount = centres.length / 5;
  const reach = 2 * round(Math.sqrt((height * width) / clusterCount));
  const labels = new Int32Array(width * height);
  const distances = new Float64Array(width * height);
  for (let iteration = 0; iteration < iterations; iteration++) {
    distances.fill(Infinity);
    for (let k = 0; k < clusterCount; k++)
      assign(
        colors,
        width,
        height,
        centres.subarray(k * 5, k * 5 + 5),
        { k, step, reach },
        labels,
        distances,
      );
    moveCentres(colors, width, labels, centres);
  }
  return { labels, clusterCount };
}

/** Gives cluster `k` the pixels of its window that are nearer to it than to any before; the first of equals wins. */
function assign(
  colors: Float64Array,
  width: number,
  height: number,
  centre: Float64Array,
  { k, step, reach }: { readonly k: number; readonly step: number; readonly reach: number },
  labels: Int32Array,
  distances: Float64Array,
): void {
  const [cy = 0, cx = 0, c0 = 0, c1 = 0, c2 = 0] = centre;
  const weight = 1 / (step * step);
  const top = Math.trunc(Math.max(cy - reach, 0));
  const bottom = Math.trunc(Math.min(cy + reach + 1, height));
  const left = Math.trunc(Math.max(cx - reach, 0));
  const right = Math.trunc(Math.min(cx + reach + 1, width));
  for (let y = top; y < bottom; y++) {
    const dy = (cy - y) * (cy - y);
    for (let x = left, pixel = y * width + left; x < right; x++, pixel++) {
      const place = (dy + (cx - x) * (cx - x)) * weight;
      // Colour can only add: most pixels of a window are already nearer to another centre.
      if (place >= distances[pixel]!) continue;
      const d0 = colors[pixel * 3]! - c0;
      const d1 = colors[pixel * 3 + 1]! - c1;
      const d2 = colors[pixel * 3 + 2]! - c2;
      const distance = place + d0 * d0 + d1 * d1 + d2 * d2;
      if (distance < distances[pixel]!) {
        distances[pixel] = distance;
        labels[pixel] = k;
      }
    }
  }
}

function moveCentres(colors: Float64Array, width: number, labels: Int32Array, centres: Float64Array): void {
  const sums = new Float64Array(centres.length);
  const counts = new Int32Array(centres.length / 5);
  for (let pixel = 0; pixel < labels.length; pixel++) {
    const k = labels[pixel]!;
    counts[k]!++;
    sums[k * 5]! += Math.floor(pixel / width);
    sums[k * 5 + 1]! += pixel % width;
    for (let channel = 0; channel < 3; channel++) sums[k * 5 + 2 + channel]! += colors[pixel * 3 + channel]!;
  }
  for (let k = 0; k < counts.length; k++) {
    if (counts[k] === 0) continue;
    for (let index = k * 5; index < k * 5 + 5; index++) centres[index] = sums[index]! / counts[k]!;
  }
}

/**
 * Splits clusters into connected pieces (4-neighbours) of at most three times the mean size and gives pieces below half of it
 * to the neighbour met last.
 */
function connect(clusters: Int32Array, width: number, height: number, clusterCount: number): Segmentation {
  const meanSize = (width * height) / clusterCount;
  const minSize = Math.trunc(0.5 * meanSize);
  const maxSize = Math.trunc(3 * meanSize);
  const labels = new Int32Array(width * height).fill(-1);
  const queue = new Int32Array(Math.max(maxSize, 1));
  let label = 0;
  for (let start = 0; start < labels.length; start++) {
    if (labels[start] !== -1) continue;
    const cluster = clusters[start];
    let adjacent = label;
    let size = 1;
    labels[start] = label;
    queue[0] = start;
    for (let visited = 0; visited < size && size < maxSize; visited++) {
      const pixel = queue[visited]!;
      const x = pixel % width;
      for (let direction = 0; direction < 4; direction++) {
        const neighbour = neighbourOf(pixel, x, width, labels.length, direction);
        if (neighbour < 0) continue;
        if (labels[neighbour] === -1 && clusters[neighbour] === cluster) {
          labels[neighbour] = label;
          queue[size++] = neighbour;
          if (size >= maxSize) break;
        } else if (labels[neighbour]! >= 0 && labels[neighbour] !== label) {
          adjacent = labels[neighbour]!;
        }
      }
    }
    if (size < minSize) for (let index = 0; index < size; index++) labels[queue[index]!] = adjacent;
    if (size >= minSize) label++;
  }
  // The last piece may have been small without any neighbour to join.
  const count = labels.reduce((largest, value) => Math.max(largest, value), 0) + 1;
  return { width, height, labels, count };
}

// x+1, x-1, y+1, y-1: the order decides which neighbour a small piece joins.
function neighbourOf(pixel: number, x: number, width: number, size: number, direction: number): number {
  if (direction === 0) return x + 1 < width ? pixel + 1 : -1;
  if (direction === 1) return x > 0 ? pixel - 1 : -1;
  if (direction === 2) return pixel + width < size ? pixel + width : -1;
  return pixel - width;
}
