import { gaussianBlur } from "../image/gaussian-blur.ts";
import type { Grid } from "../image/saliency-map.ts";
import { tensor } from "../tensor/tensor.ts";

/**
 * Mean structural similarity (SSIM) of two maps in 0..1: Gaussian window of 11 pixels, sigma 1.5, K1 0.01, K2 0.03, data
 * range 1. 1 for equal maps.
 */
export function structuralSimilarity(a: Grid, b: Grid): number {
  const size = Math.min(11, 2 * Math.min(a.width, a.height) - 1);
  const mean = (values: Float32Array): Float32Array =>
    gaussianBlur(tensor(values, [1, 1, a.height, a.width]), { size, sigma: 1.5 }).data;
  const product = (p: Float32Array, q: Float32Array): Float32Array =>
    p.map((value, index) => value * (q[index] ?? 0));
  const [meanA, meanB] = [mean(a.values), mean(b.values)];
  const [squareA, squareB] = [mean(product(a.values, a.values)), mean(product(b.values, b.values))];
  const cross = mean(product(a.values, b.values));
  const [c1, c2] = [0.01 ** 2, 0.03 ** 2];
  let sum = 0;
  for (let index = 0; index < cross.length; index++) {
    const [ma, mb] = [meanA[index] ?? 0, meanB[index] ?? 0];
    const [varianceA, varianceB] = [(squareA[index] ?? 0) - ma * ma, (squareB[index] ?? 0) - mb * mb];
    const covariance = (cross[index] ?? 0) - ma * mb;
    sum +=
      ((2 * ma * mb + c1) * (2 * covariance + c2)) /
      ((ma * ma + mb * mb + c1) * (varianceA + varianceB + c2));
  }
  return sum / cross.length;
}
