import type { Mask } from "./mask.ts";

/**
 * Anisotropic total variation, mean form: the mean of |difference|^exponent over the pairs of vertical
 * neighbours plus the same mean over the pairs of horizontal ones. I-GOS has exponent 2, the torch port of EMP 3.
 */
export function anisotropicTotalVariation(mask: Mask, exponent: number): number {
  let vertical = 0;
  let horizontal = 0;
  forEachPair(mask, (first, second, direction) => {
    const term = Math.abs(mask.values[first]! - mask.values[second]!) ** exponent;
    if (direction === "vertical") vertical += term;
    else horizontal += term;
  });
  const counts = pairCounts(mask);
  return vertical / counts.vertical + horizontal / counts.horizontal;
}

/** Its gradient with respect to each cell. */
export function anisotropicTotalVariationGradient(mask: Mask, exponent: number): Float64Array {
  const gradient = new Float64Array(mask.values.length);
  const counts = pairCounts(mask);
  forEachPair(mask, (first, second, direction) => {
    const difference = mask.values[first]! - mask.values[second]!;
    const slope =
      (exponent * Math.sign(difference) * Math.abs(difference) ** (exponent - 1)) / counts[direction];
    gradient[first]! += slope;
    gradient[second]! -= slope;
  });
  return gradient;
}

/**
 * Isotropic total variation, sum form (the original EMP): the sum of (dx^2 + dy^2)^(exponent/2) over the cells, with
 * forward differences that are 0 at the far border.
 */
export function isotropicTotalVariation(mask: Mask, exponent: number): number {
  let sum = 0;
  forEachCorner(mask, (_, __, ___, dx, dy) => {
    sum += (dx * dx + dy * dy) ** (exponent / 2);
  });
  return sum;
}

/** Its gradient with respect to each cell; 0 where both differences are 0. */
export function isotropicTotalVariationGradient(mask: Mask, exponent: number): Float64Array {
  const gradient = new Float64Array(mask.values.length);
  forEachCorner(mask, (cell, right, below, dx, dy) => {
    const square = dx * dx + dy * dy;
    if (square === 0) return;
    const factor = exponent * square ** (exponent / 2 - 1);
    gradient[right]! += factor * dx;
    gradient[below]! += factor * dy;
    gradient[cell]! -= factor * (dx + dy);
  });
  return gradient;
}

/** Pairs of neighbours; a mask of one row has no vertical ones, and their mean is then 0. */
export function pairCounts({ height, width }: Pick<Mask, "height" | "width">): {
  vertical: number;
  horizontal: number;
} {
  return { vertical: Math.max((height - 1) * width, 1), horizontal: Math.max(height * (width - 1), 1) };
}

function forEachPair(
  { height, width }: Mask,
  visit: (first: number, second: number, direction: "vertical" | "horizontal") => void,
): void {
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const cell = row * width + column;
      if (row + 1 < height) visit(cell, cell + width, "vertical");
      if (column + 1 < width) visit(cell, cell + 1, "horizontal");
    }
  }
}

function forEachCorner(
  { height, width, values }: Mask,
  visit: (cell: number, right: number, below: number, dx: number, dy: number) => void,
): void {
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const cell = row * width + column;
      const right = column + 1 < width ? cell + 1 : cell;
      const below = row + 1 < height ? cell + width : cell;
      visit(cell, right, below, values[right]! - values[cell]!, values[below]! - values[cell]!);
    }
  }
}
