import { ParameterError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convolvePlane, gaussianKernel, gaussianSize } from "./gaussian-blur.ts";
import { colorImageSize, relabel, type Segmentation } from "./segmentation.ts";
import { stableOrder } from "./stable-order.ts";

export interface FelzenszwalbOptions {
  /** Larger values give larger segments; several values share the work of sorting edges. */
  readonly scales: readonly number[];
  /** Smoothing before, in pixels. Default 0.8, as XRAI. 0 for none. */
  readonly sigma?: number;
  /** Smallest segment in pixels. Default 150, as XRAI. */
  readonly minSize?: number;
}

/**
 * Graph-based segments after Felzenszwalb and Huttenlocher, one segmentation a scale; follows scikit-image.
 * Deviation: edges of equal cost keep their order, where the reference leaves it to an unstable sort.
 * @param image `[3, H, W]` or `[1, 3, H, W]`; costs are Euclidean colour distances in the units given (XRAI gives -1..1).
 */
export function felzenszwalb(image: Tensor, options: FelzenszwalbOptions): readonly Segmentation[] {
  const { scales, sigma = 0.8, minSize = 150 } = options;
  const { height, width } = colorImageSize(image);
  for (const scale of scales)
    if (!(scale > 0)) throw new ParameterError(`scale: expected a number above 0, got ${scale}.`);
  const size = height * width;
  const channels = [0, 1, 2].map((channel) =>
    smooth(image.data.subarray(channel * size, (channel + 1) * size), width, height, sigma),
  );
  const edges = sortedEdges(channels, width, height);
  return scales.map((scale) => relabel(joinSegments(edges, size, scale / 255, minSize), width, height));
}

function smooth(plane: Float32Array, width: number, height: number, sigma: number): Float64Array {
  if (sigma === 0) return Float64Array.from(plane);
  return convolvePlane(plane, width, height, gaussianKernel(gaussianSize(sigma), sigma), "symmetric");
}

/** Pairs of neighbouring pixels by ascending colour distance. */
interface Edges {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly costs: Float64Array;
}

function sortedEdges(channels: readonly Float64Array[], width: number, height: number): Edges {
  const from: number[] = [];
  const to: number[] = [];
  // Right, down, down-right, down-left; the order matters where costs are equal.
  for (const [dy, dx] of [
    [0, 1],
    [1, 0],
    [1, 1],
    [1, -1],
  ] as const) {
    for (let y = 0; y + dy < height; y++) {
      for (let x = Math.max(0, -dx); x < width - Math.max(0, dx); x++) {
        from.push(y * width + x);
        to.push((y + dy) * width + x + dx);
      }
    }
  }
  const costs = Float64Array.from(from, (pixel, edge) => {
    let sum = 0;
    for (const values of channels) sum += (values[pixel]! - values[to[edge]!]!) ** 2;
    return Math.sqrt(sum);
  });
  const order = stableOrder(costs);
  return {
    from: Int32Array.from(order, (edge) => from[edge]!),
    to: Int32Array.from(order, (edge) => to[edge]!),
    costs: Float64Array.from(order, (edge) => costs[edge]!),
  };
}

/** The root pixel (smallest index) of each pixel's segment. */
function joinSegments({ from, to, costs }: Edges, size: number, k: number, minSize: number): Int32Array {
  const parents = Int32Array.from({ length: size }, (_, index) => index);
  const sizes = new Int32Array(size).fill(1);
  const internal = new Float64Array(size);
  const root = (pixel: number): number => {
    let current = pixel;
    while (parents[current] !== current) {
      parents[current] = parents[parents[current]!]!;
      current = parents[current]!;
    }
    return current;
  };
  const join = (a: number, b: number): number => {
    const kept = Math.min(a, b);
    parents[Math.max(a, b)] = kept;
    sizes[kept] = sizes[a]! + sizes[b]!;
    return kept;
  };
  for (let edge = 0; edge < costs.length; edge++) {
    const a = root(from[edge]!);
    const b = root(to[edge]!);
    if (a === b) continue;
    const cost = costs[edge]!;
    // The reference keeps these bounds in 32-bit floats, which decides close cases.
    const bound = Math.min(
      Math.fround(internal[a]! + k / sizes[a]!),
      Math.fround(internal[b]! + k / sizes[b]!),
    );
    if (cost < bound) internal[join(a, b)] = cost;
  }
  for (let edge = 0; edge < costs.length; edge++) {
    const a = root(from[edge]!);
    const b = root(to[edge]!);
    if (a !== b && (sizes[a]! < minSize || sizes[b]! < minSize)) join(a, b);
  }
  return parents.map((_, pixel) => root(pixel));
}
