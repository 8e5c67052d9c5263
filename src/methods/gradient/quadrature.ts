import { assertNever } from "../../errors.ts";

/** Rules for integrals over [0, 1]. `pair` repeats PAIR's saliency library: its weights do not sum to 1 over the interval's ends. */
export const quadratureRules = ["gauss-legendre", "trapezoid", "midpoint", "left", "right", "pair"] as const;
export type QuadratureRule = (typeof quadratureRules)[number];

/** Points in [0, 1] and their weights. */
export interface Quadrature {
  readonly points: readonly number[];
  readonly weights: readonly number[];
}

/**
 * `count` points of a rule on [0, 1]. All weights sum to 1. A rule that needs both ends (`trapezoid`, `pair`) and gets a
 * single point uses the end 1.
 */
export function quadrature(rule: QuadratureRule, count: number): Quadrature {
  const indices = Array.from({ length: count }, (_, index) => index);
  const equal = indices.map(() => 1 / count);
  const endToEnd = count === 1 ? [1] : indices.map((index) => index / (count - 1));
  switch (rule) {
    case "gauss-legendre":
      return gaussLegendre(count);
    case "trapezoid":
      if (count === 1) return { points: endToEnd, weights: equal };
      return {
        points: endToEnd,
        weights: indices.map((index) => (index === 0 || index === count - 1 ? 0.5 : 1) / (count - 1)),
      };
    case "midpoint":
      return { points: indices.map((index) => (index + 0.5) / count), weights: equal };
    case "left":
      return { points: indices.map((index) => index / count), weights: equal };
    case "right":
      return { points: indices.map((index) => (index + 1) / count), weights: equal };
    case "pair":
      return { points: endToEnd, weights: equal };
    default:
      return assertNever(rule);
  }
}

/** Gauss-Legendre nodes by Newton's method on P_n, started from the asymptotic roots; mapped to [0, 1], weights halved. */
function gaussLegendre(count: number): Quadrature {
  const points: number[] = [];
  const weights: number[] = [];
  for (let index = 0; index < count; index++) {
    let x = -Math.cos((Math.PI * (index + 0.75)) / (count + 0.5));
    let slope = 1;
    for (let round = 0; round < 100; round++) {
      let [previous, value] = [1, x];
      for (let degree = 2; degree <= count; degree++) {
        [previous, value] = [value, ((2 * degree - 1) * x * value - (degree - 1) * previous) / degree];
      }
      slope = (count * (x * value - previous)) / (x * x - 1);
      const step = value / slope;
      x -= step;
      if (Math.abs(step) < 1e-15) break;
    }
    points.push((x + 1) / 2);
    weights.push(1 / ((1 - x * x) * slope * slope));
  }
  return { points, weights };
}
