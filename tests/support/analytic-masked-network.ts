import type {
  MaskedImages,
  MaskedNetwork,
  MaskedSample,
} from "../../src/methods/perturbation/masked-network.ts";
import { drawNoise } from "../../src/methods/perturbation/noise.ts";
import { resample, resampleAdjoint, type MaskResampling } from "../../src/runtime/mask-resampling.ts";
import type { DifferentiableScore } from "./straightforward-i-gos.ts";

/** A masked network around a formula, in float64. Counts its evaluations. */
export function analyticMaskedNetwork(
  score: DifferentiableScore,
  channels: number,
  resampling: MaskResampling,
): MaskedNetwork & { readonly counts: { forward: number; gradient: number } } {
  const counts = { forward: 0, gradient: 0 };
  const area = resampling.rows.rowCount * resampling.columns.rowCount;

  const evaluate = (sample: MaskedSample, { foreground, background }: MaskedImages) => {
    const { gain = 1, isInverted = false, noise } = sample;
    const ups = sample.masks.map((mask) => resample(resampling, mask.values));
    const weight = Float64Array.from({ length: area }, (_, pixel) => {
      const product = gain * ups.reduce((value, up) => value * up[pixel]!, 1);
      return isInverted ? 1 - product : product;
    });
    const added = new Float32Array(area * channels);
    if (noise !== undefined) drawNoise(added, noise.level, channels, noise.stream);
    const x = Array.from({ length: area * channels }, (_, index) => {
      const base = background.data[index]!;
      return base + weight[index % area]! * (foreground.data[index]! - base) + added[index]!;
    });
    const result = score(x);
    const perPixel = new Float64Array(area);
    result.gradient.forEach((slope, index) => {
      perPixel[index % area]! += slope * (foreground.data[index]! - background.data[index]!);
    });
    const sign = isInverted ? -gain : gain;
    const gradients = ups.map((_, position) =>
      resampleAdjoint(
        resampling,
        perPixel.map(
          (slope, pixel) =>
            sign *
            slope *
            ups.reduce((value, up, other) => (other === position ? value : value * up[pixel]!), 1),
        ),
      ),
    );
    return { score: result.score, gradients };
  };

  return {
    counts,
    resampling,
    async scores(samples, images) {
      counts.forward += samples.length;
      return Float64Array.from(samples, (sample) => evaluate(sample, images).score);
    },
    async gradients(samples, images) {
      counts.gradient += samples.length;
      const results = samples.map((sample) => evaluate(sample, images));
      const masks = samples[0]?.masks ?? [];
      return {
        scores: Float64Array.from(results, (result) => result.score),
        gradients: masks.map((_, position) => results.map((result) => result.gradients[position]!)),
      };
    },
  };
}

/** F = sum w x. */
export function linearScore(weights: readonly number[]): DifferentiableScore {
  return (x) => ({
    score: x.reduce((sum, value, index) => sum + value * weights[index]!, 0),
    gradient: [...weights],
  });
}

/** Softmax probability of class 0 of a two-layer network with tanh, its gradient by hand. */
export function smallNetworkScore(
  inputSize: number,
  hidden: number,
  draw: () => number,
): DifferentiableScore {
  const first = Array.from({ length: hidden }, () =>
    Array.from({ length: inputSize }, () => draw() / Math.sqrt(inputSize)),
  );
  const second = [0, 1, 2].map(() => Array.from({ length: hidden }, () => draw()));
  return (x) => {
    const h = first.map((row) => Math.tanh(row.reduce((sum, w, index) => sum + w * x[index]!, 0)));
    const z = second.map((row) => row.reduce((sum, w, index) => sum + w * h[index]!, 0));
    const top = Math.max(...z);
    const exponentials = z.map((value) => Math.exp(value - top));
    const total = exponentials.reduce((sum, value) => sum + value, 0);
    const p = exponentials.map((value) => value / total);
    const dz = p.map((value, index) => p[0]! * ((index === 0 ? 1 : 0) - value));
    const dh = h.map(
      (value, unit) => (1 - value * value) * second.reduce((sum, row, k) => sum + row[unit]! * dz[k]!, 0),
    );
    const gradient = x.map((_, index) => first.reduce((sum, row, unit) => sum + row[index]! * dh[unit]!, 0));
    return { score: p[0]!, gradient };
  };
}
