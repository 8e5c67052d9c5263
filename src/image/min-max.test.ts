import { describe, expect, it } from "vitest";
import { minMax, percentile, valueRange } from "./min-max.ts";

const grid = (values: readonly number[]) => ({
  width: values.length,
  height: 1,
  values: Float32Array.from(values),
});

describe("minMax", () => {
  it("maps the range to 0..1 exactly", () => {
    expect([...minMax(grid([-1, 0, 3])).values]).toEqual([0, 0.25, 1]);
  });

  it("keeps tiny ranges, because no epsilon is added", () => {
    expect([...minMax(grid([0, 1e-9])).values]).toEqual([0, 1]);
  });

  it("gives zeros and says so for constant and non-finite maps", () => {
    for (const values of [
      [2, 2],
      [0, Number.NaN],
      [0, Infinity],
      [1e13, 1e13],
    ]) {
      const result = minMax(grid(values));
      expect(result.isDegenerate).toBe(true);
      expect([...result.values]).toEqual([0, 0]);
    }
  });
});

describe("percentile", () => {
  it("interpolates between order statistics", () => {
    expect(percentile([30, 10, 20, 40], 50)).toBe(25);
    expect(percentile([30, 10, 20, 40], 0)).toBe(10);
    expect(percentile([30, 10, 20, 40], 100)).toBe(40);
    expect(percentile([0, 10], 99)).toBeCloseTo(9.9, 12);
  });
});

describe("valueRange", () => {
  it("is NaN as soon as one value is", () => {
    expect(valueRange([1, Number.NaN, 3]).min).toBeNaN();
    expect(valueRange([])).toEqual({ min: 0, max: 0 });
  });
});
