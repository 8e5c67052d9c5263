import { weightedRidge } from "./weighted-ridge.ts";

/** Weighted samples of a function of zeros and ones. */
export interface LocalSamples {
  /** `count x width`, row-major. */
  readonly features: Uint8Array;
  readonly width: number;
  readonly targets: Float64Array;
  readonly weights: Float64Array;
}

/**
 * The features that a local model uses, ascending: all of them if `limit` allows; up to 6 by forward selection (the one
 * that explains most is added, again and again); else those with the largest coefficients of a ridge regression with
 * alpha 0.01. As `marcotcr/lime: lime/lime_base.py`.
 */
export function selectFeatures(samples: LocalSamples, limit: number): readonly number[] {
  const all = Array.from({ length: samples.width }, (_, index) => index);
  if (limit >= samples.width) return all;
  if (limit <= 6) return forwardSelection(samples, limit, all);
  const { coefficients } = weightedRidge(
    samples.features,
    samples.width,
    samples.targets,
    samples.weights,
    0.01,
  );
  return all
    .sort((a, b) => Math.abs(coefficients[b]!) - Math.abs(coefficients[a]!))
    .slice(0, limit)
    .sort((a, b) => a - b);
}

/** The columns of some features, row-major. */
export function columnsOf({ features, width }: LocalSamples, chosen: readonly number[]): Uint8Array {
  const count = features.length / width;
  const result = new Uint8Array(count * chosen.length);
  for (let row = 0; row < count; row++)
    chosen.forEach(
      (column, index) => (result[row * chosen.length + index] = features[row * width + column]!),
    );
  return result;
}

function forwardSelection(samples: LocalSamples, limit: number, all: readonly number[]): readonly number[] {
  const chosen: number[] = [];
  while (chosen.length < limit) {
    let best: { readonly feature: number; readonly score: number } | undefined;
    for (const feature of all) {
      if (chosen.includes(feature)) continue;
      const columns = [...chosen, feature];
      // Not quite 0: a feature that never changes would make the equations singular.
      const { score } = weightedRidge(
        columnsOf(samples, columns),
        columns.length,
        samples.targets,
        samples.weights,
        1e-9,
      );
      if (best === undefined || score > best.score) best = { feature, score };
    }
    if (best === undefined) break;
    chosen.push(best.feature);
  }
  return chosen.sort((a, b) => a - b);
}
