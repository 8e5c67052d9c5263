/** Mean and variance of a stream of arrays, element by element, in float64 and constant memory (Welford's update). */
export interface RunningMoments {
  /** How many arrays were added. */
  readonly count: number;
  add(values: Float32Array): void;
  /** Means of the values. */
  mean(): Float64Array;
  /** Means of the squares. */
  meanOfSquares(): Float64Array;
  /** Variances, with divisor `count - 1` or, for the population's, `count`. */
  variance(divisor: "sample" | "population"): Float64Array;
}

/** Moments of arrays of `length` elements. */
export function runningMoments(length: number): RunningMoments {
  const mean = new Float64Array(length);
  const m2 = new Float64Array(length);
  let count = 0;
  return {
    get count() {
      return count;
    },
    add(values) {
      count++;
      for (let index = 0; index < length; index++) {
        const value = values[index]!;
        const before = value - mean[index]!;
        const updated = mean[index]! + before / count;
        mean[index] = updated;
        m2[index]! += before * (value - updated);
      }
    },
    mean: () => mean.slice(),
    meanOfSquares: () => mean.map((value, index) => value * value + (m2[index] ?? 0) / count),
    variance: (divisor) => m2.map((value) => value / (divisor === "sample" ? count - 1 : count)),
  };
}
