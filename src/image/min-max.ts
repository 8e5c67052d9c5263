import { extentOf } from "./extent.ts";
import type { Grid } from "./saliency-map.ts";

/** The smallest and largest value. `{ min: 0, max: 0 }` for nothing; not finite if a value is not. */
export function valueRange(values: ArrayLike<number>): { readonly min: number; readonly max: number } {
  if (values.length === 0) return { min: 0, max: 0 };
  let min = Infinity;
  let max = -Infinity;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!Number.isFinite(value)) return { min: Number.NaN, max: Number.NaN };
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}

/**
 * The map scaled to 0..1, `(M - min) / (max - min)`, without any epsilon. All zeros and `isDegenerate` where that is
 * undefined: a value is not finite, or the range is at most 1e-12 of the maximum.
 */
export function minMax(map: Grid): Grid & { readonly isDegenerate: boolean } {
  const { min, max } = valueRange(map.values);
  const range = max - min;
  const isDegenerate = !(range > 1e-12 * Math.max(1, Math.abs(max)));
  const values = isDegenerate
    ? new Float32Array(map.values.length)
    : map.values.map((value) => (value - min) / range);
  return { ...extentOf(map), values, isDegenerate };
}

/** The value below which `percent` (0..100) of the values lie: linear interpolation between order statistics at rank `percent/100 (n-1)`. */
export function percentile(values: ArrayLike<number>, percent: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = (Math.min(Math.max(percent, 0), 100) / 100) * (sorted.length - 1);
  const lower = Math.floor(rank);
  const below = sorted[lower] ?? 0;
  const above = sorted[Math.min(lower + 1, sorted.length - 1)] ?? below;
  return below + (above - below) * (rank - lower);
}
