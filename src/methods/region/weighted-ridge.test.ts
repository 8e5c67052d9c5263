import { describe, expect, it } from "vitest";
import { mersenneStream } from "../../random/random-stream.ts";
import { selectFeatures } from "./select-features.ts";
import { weightedRidge } from "./weighted-ridge.ts";

const random = mersenneStream(3);
const width = 8;
const count = 400;
const features = Uint8Array.from({ length: count * width }, () => (random.uniform() < 0.5 ? 1 : 0));
const beta = [0.5, -0.25, 0, 1, 0, 0, -2, 0.125];
const targets = Float64Array.from(
  { length: count },
  (_, row) => 0.3 + beta.reduce((sum, value, column) => sum + value * features[row * width + column]!, 0),
);
const weights = Float64Array.from({ length: count }, () => random.uniform() + 0.1);

describe("weightedRidge", () => {
  it("recovers an additive function with an error of alpha over the samples", () => {
    const fit = weightedRidge(features, width, targets, weights, 1);
    fit.coefficients.forEach((value, column) => expect(Math.abs(value - beta[column]!)).toBeLessThan(0.05));
    expect(fit.score).toBeGreaterThan(0.999);
    const exact = weightedRidge(features, width, targets, weights, 1e-9);
    exact.coefficients.forEach((value, column) => expect(value).toBeCloseTo(beta[column]!, 8));
    expect(exact.intercept).toBeCloseTo(0.3, 8);
    expect(exact.score).toBeCloseTo(1, 10);
  });

  it("shrinks a single coefficient as the formula says", () => {
    // Two samples, z = 0 and 1, weights 1: centred sum of squares 1/2, product (y1 - y0)/2.
    const fit = weightedRidge(Uint8Array.of(0, 1), 1, [2, 5], [1, 1], 1);
    expect(fit.coefficients[0]).toBeCloseTo((3 * 0.5) / (0.5 + 1), 12);
    expect(fit.intercept).toBeCloseTo(3.5 - 1 * 0.5, 12);
  });

  it("ignores samples of weight 0", () => {
    const fit = weightedRidge(Uint8Array.of(0, 1, 1), 1, [0, 1, 99], [1, 1, 0], 1e-9);
    expect(fit.coefficients[0]).toBeCloseTo(1, 6);
  });
});

describe("selectFeatures", () => {
  const samples = { features, width, targets, weights };
  it("takes all where the limit allows", () =>
    expect(selectFeatures(samples, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]));
  it("adds what explains most, one after the other, up to six", () =>
    expect(selectFeatures(samples, 2)).toEqual([3, 6]));
  it("takes the largest coefficients above six", () => {
    expect(selectFeatures(samples, 7)).toEqual(expect.arrayContaining([0, 1, 3, 6, 7]));
  });
});
