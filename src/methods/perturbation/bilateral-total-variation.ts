import { resample, resampleAdjoint, type MaskResampling } from "../../runtime/mask-resampling.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { removedSum, removedSumGradient } from "./l1.ts";
import type { Regularizer } from "./regularizer.ts";
import {
  anisotropicTotalVariation,
  anisotropicTotalVariationGradient,
  pairCounts,
} from "./total-variation.ts";

/** How alike each pixel is to its lower and its right neighbour, `[H, W]` each, 0..1; the last row and column are unused. */
interface PairWeights {
  readonly height: number;
  readonly width: number;
  readonly below: Float64Array;
  readonly right: Float64Array;
}

/**
 * The regulariser of iGOS++: mean |1 - M| and
 * BTV(M) = 1/2 [TV_2(M) + WTV(up M)], where WTV is TV_2 at image size with every pair of pixels (p, q) weighted by the
 * mean over channels of exp(-(I(p) - I(q))^2 / sigma), I in input space. Edges of the mask are cheap where the image has
 * edges. The reference weights vertical pairs by another formula than horizontal ones; here both have this one.
 */
export function bilateralRegularizer(image: Tensor, resampling: MaskResampling, sigma: number): Regularizer {
  const weights = pairWeights(image, sigma);
  return {
    l1: (mask) => removedSum(mask) / mask.values.length,
    l1Gradient: (mask) => removedSumGradient(mask).map((value) => value / mask.values.length),
    tv: (mask) =>
      0.5 *
      (anisotropicTotalVariation(mask, 2) +
        weightedTotalVariation(weights, resample(resampling, mask.values))),
    tvGradient: (mask) => {
      const large = weightedTotalVariationGradient(weights, resample(resampling, mask.values));
      const small = resampleAdjoint(resampling, large);
      return anisotropicTotalVariationGradient(mask, 2).map((value, cell) => 0.5 * (value + small[cell]!));
    },
  };
}

function pairWeights(image: Tensor, sigma: number): PairWeights {
  const [, channels = 1, height = 1, width = 1] = image.dims;
  const below = new Float64Array(height * width);
  const right = new Float64Array(height * width);
  const likeness = (first: number, second: number): number => {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) {
      const plane = channel * height * width;
      const difference = image.data[plane + first]! - image.data[plane + second]!;
      sum += Math.exp(-(difference * difference) / sigma);
    }
    return sum / channels;
  };
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const pixel = row * width + column;
      if (row + 1 < height) below[pixel] = likeness(pixel, pixel + width);
      if (column + 1 < width) right[pixel] = likeness(pixel, pixel + 1);
    }
  }
  return { height, width, below, right };
}

function weightedTotalVariation(weights: PairWeights, values: Float64Array): number {
  const counts = pairCounts(weights);
  let vertical = 0;
  let horizontal = 0;
  for (let pixel = 0; pixel < values.length; pixel++) {
    if (weights.below[pixel]! > 0)
      vertical += weights.below[pixel]! * (values[pixel]! - values[pixel + weights.width]!) ** 2;
    if (weights.right[pixel]! > 0)
      horizontal += weights.right[pixel]! * (values[pixel]! - values[pixel + 1]!) ** 2;
  }
  return vertical / counts.vertical + horizontal / counts.horizontal;
}

function weightedTotalVariationGradient(weights: PairWeights, values: Float64Array): Float64Array {
  const counts = pairCounts(weights);
  const gradient = new Float64Array(values.length);
  const add = (first: number, second: number, factor: number): void => {
    const slope = 2 * factor * (values[first]! - values[second]!);
    gradient[first]! += slope;
    gradient[second]! -= slope;
  };
  for (let pixel = 0; pixel < values.length; pixel++) {
    if (weights.below[pixel]! > 0) add(pixel, pixel + weights.width, weights.below[pixel]! / counts.vertical);
    if (weights.right[pixel]! > 0) add(pixel, pixel + 1, weights.right[pixel]! / counts.horizontal);
  }
  return gradient;
}
