import type { MetricValue } from "./records.ts";

/** A mean curve with the 95 % interval of each point's mean. */
export interface MeanCurve {
  readonly x: readonly number[];
  readonly mean: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** Sums of curves that come one by one. */
export interface CurveSums {
  readonly x: readonly number[];
  readonly sums: Float64Array;
  readonly squares: Float64Array;
  count: number;
}

/** Adds a curve; of another length (stages that were not defined) it cannot be averaged point by point, and is left out. */
export function addCurve(
  state: CurveSums | undefined,
  { x, y }: NonNullable<MetricValue["curve"]>,
): CurveSums {
  const sums = state ?? {
    x: x ?? y.map((_, index) => index / (y.length - 1)),
    sums: new Float64Array(y.length),
    squares: new Float64Array(y.length),
    count: 0,
  };
  if (sums.sums.length !== y.length) return sums;
  sums.count++;
  y.forEach((score, index) => {
    sums.sums[index] = (sums.sums[index] ?? 0) + score;
    sums.squares[index] = (sums.squares[index] ?? 0) + score * score;
  });
  return sums;
}

/** The mean of the curves that were added. */
export function meanCurve({ x, sums, squares, count }: CurveSums): MeanCurve {
  const mean = [...sums].map((sum) => sum / count);
  const margin = mean.map((value, index) => {
    if (count < 2) return 0;
    const variance = Math.max(0, ((squares[index] ?? 0) - count * value * value) / (count - 1));
    return 1.96 * Math.sqrt(variance / count);
  });
  return {
    x,
    mean,
    low: mean.map((value, index) => value - (margin[index] ?? 0)),
    high: mean.map((value, index) => value + (margin[index] ?? 0)),
  };
}
