import { removedSum, removedSumGradient } from "./l1.ts";
import type { Mask } from "./mask.ts";
import {
  anisotropicTotalVariation,
  anisotropicTotalVariationGradient,
  isotropicTotalVariation,
  isotropicTotalVariationGradient,
} from "./total-variation.ts";

/** What keeps a mask small and smooth: an L1 term and a total variation, both without their weights. */
export interface Regularizer {
  readonly l1: (mask: Mask) => number;
  readonly l1Gradient: (mask: Mask) => Float64Array;
  readonly tv: (mask: Mask) => number;
  readonly tvGradient: (mask: Mask) => Float64Array;
}

/** Means over cells and over pairs of neighbours (I-GOS, the torch port of EMP). Weights do not depend on the mask's size. */
export function meanRegularizer(tvExponent: number): Regularizer {
  return {
    l1: (mask) => removedSum(mask) / mask.values.length,
    l1Gradient: (mask) => removedSumGradient(mask).map((value) => value / mask.values.length),
    tv: (mask) => anisotropicTotalVariation(mask, tvExponent),
    tvGradient: (mask) => anisotropicTotalVariationGradient(mask, tvExponent),
  };
}

/** Sums, with the isotropic total variation (the original EMP). */
export function sumRegularizer(tvExponent: number): Regularizer {
  return {
    l1: removedSum,
    l1Gradient: removedSumGradient,
    tv: (mask) => isotropicTotalVariation(mask, tvExponent),
    tvGradient: (mask) => isotropicTotalVariationGradient(mask, tvExponent),
  };
}

/** The weights of the two terms; called lambda 1 and lambda 2 in the papers. */
export interface RegularizerWeights {
  readonly l1: number;
  readonly tv: number;
}

/** Weighted gradient of both terms. */
export function regularizerGradient(
  regularizer: Regularizer,
  mask: Mask,
  weights: RegularizerWeights,
): Float64Array {
  const l1 = regularizer.l1Gradient(mask);
  const tv = regularizer.tvGradient(mask);
  return l1.map((value, cell) => weights.l1 * value + weights.tv * tv[cell]!);
}
