import { describe, expect, it } from "vitest";
import { mersenneStream } from "../random/random-stream.ts";
import { estimate, pairedSignificance, type Observation } from "./statistics.ts";

const observe = (scores: readonly number[], category = 0): Observation[] =>
  scores.map((score, index) => ({ image: `i${index}`, class: category, score }));
const normals = (seed: number, count: number, mean = 0): number[] => {
  const random = mersenneStream(seed);
  return Array.from({ length: count }, () => mean + random.normal());
};

describe("estimates", () => {
  it("give the mean and the textbook standard error", () => {
    const { mean, standardError, count } = estimate(observe([1, 2, 3, 4]), "mean");
    expect([mean, count]).toEqual([2.5, 4]);
    expect(standardError).toBeCloseTo(Math.sqrt(5 / 3 / 4), 12);
  });

  it("have an interval that holds the true mean about 95 times in 100", () => {
    let held = 0;
    for (let seed = 0; seed < 200; seed++) {
      const [low, high] = estimate(observe(normals(seed, 40, 3)), "mean", seed).interval ?? [NaN, NaN];
      if (low <= 3 && high >= 3) held++;
    }
    expect(held).toBeGreaterThan(180);
    expect(held).toBeLessThan(199);
  });

  it("agree with the normal approximation where that takes over", () => {
    const many = normals(1, 5001);
    const few = many.slice(0, 5000);
    const [a, b] = [estimate(observe(many), "mean"), estimate(observe(few), "mean")];
    expect(a.interval?.[0]).toBeCloseTo(b.interval?.[0] ?? NaN, 2);
    expect(a.interval?.[1]).toBeCloseTo(b.interval?.[1] ?? NaN, 2);
  });

  it("average classes first where that is asked for", () => {
    const trials = [...observe([1, 1, 1, 0], 3), ...observe([0], 5)];
    expect(estimate(trials, "mean").mean).toBeCloseTo(0.6, 12);
    expect(estimate(trials, "mean-over-classes").mean).toBeCloseTo(0.375, 12);
  });

  it("take an image with several maps as one draw", () => {
    const twice = [...observe(normals(4, 30)), ...observe(normals(4, 30))];
    const once = observe(normals(4, 30));
    expect(estimate(twice, "mean").standardError).toBeCloseTo(estimate(once, "mean").standardError ?? NaN, 9);
  });

  it("do not depend on the order of records, and have no interval for one image", () => {
    const list = observe(normals(2, 25));
    expect(estimate(list.toReversed(), "mean")).toEqual(estimate(list, "mean"));
    expect(estimate(observe([0.5]), "mean")).toEqual({
      count: 1,
      imageCount: 1,
      mean: 0.5,
      standardError: null,
      interval: null,
    });
  });
});

describe("paired significance", () => {
  it("counts sign patterns: all of four differences positive has p 2/16", () => {
    expect(pairedSignificance(observe([2, 3, 4, 5]), observe([1, 1, 1, 1]))).toBeCloseTo(2 / 16, 1);
  });

  it("sees a shift between paired scores that single means do not show", () => {
    const base = normals(5, 100).map((value) => 10 * value);
    const noise = normals(6, 100);
    const shifted = base.map((value, index) => value + 1 + 0.1 * (noise[index] ?? 0));
    expect(pairedSignificance(observe(shifted), observe(base))).toBeLessThan(0.001);
    expect(pairedSignificance(observe(base), observe(base))).toBe(1);
  });

  it("is spread evenly for rows that do not differ, also above 2000 images", () => {
    const values = Array.from({ length: 60 }, (_, seed) =>
      pairedSignificance(observe(normals(2 * seed, 2100)), observe(normals(2 * seed + 1, 2100))),
    );
    const below = values.filter((value) => (value ?? 1) < 0.5).length;
    expect(below).toBeGreaterThan(15);
    expect(below).toBeLessThan(45);
  });

  it("needs two images that both rows have", () => {
    expect(pairedSignificance(observe([1, 2]), observe([1]))).toBeNull();
  });
});
