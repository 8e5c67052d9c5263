import type { Mask } from "./mask.ts";

/** Sum of |1 - m| over the cells: how much of the image is removed. */
export function removedSum(mask: Mask): number {
  let sum = 0;
  for (const value of mask.values) sum += Math.abs(1 - value);
  return sum;
}

/** Its sub-gradient, -sign(1 - m) with sign(0) = 0: a cell at exactly 1 feels no pull. */
export function removedSumGradient(mask: Mask): Float64Array {
  // `0 - sign` rather than `-sign`: no negative zeros.
  return mask.values.map((value) => 0 - Math.sign(1 - value));
}
