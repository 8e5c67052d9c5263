import { describe, expect, it } from "vitest";
import { baseMapDefaults, baseMask, type BaseMapSettings } from "./base-map.ts";

const map = { width: 2, height: 2, values: Float32Array.of(-0.375, 1.25, -0.5, 1.375) };

function start(settings: Partial<BaseMapSettings> = {}, size = 4, from = map): readonly number[] {
  return [...baseMask(from, { ...baseMapDefaults, ...settings }, { height: size, width: size }).mask.values];
}

function closeTo(values: readonly number[]): unknown[] {
  return values.map((value) => expect.closeTo(value, 6) as unknown);
}

describe("baseMask", () => {
  it("gives the golden mask from the golden WGradCAM map", () => {
    expect(start()).toEqual(
      closeTo([
        1, 0.965909, 0.897727, 0.863636, 1, 0.965057, 0.89517, 0.860227, 1, 0.963352, 0.890057, 0.853409, 1,
        0.9625, 0.8875, 0.85,
      ]),
    );
  });

  it("keeps values equal to theta", () => {
    const half = { width: 3, height: 1, values: Float32Array.of(0, 0.5, 1) };
    const { mask } = baseMask(half, { ...baseMapDefaults, theta: 0.5 }, { height: 1, width: 3 });
    expect([...mask.values]).toEqual(closeTo([1, 0.925, 0.85]));
  });

  it("is exactly ones for lambda 0 and for theta above 1", () => {
    expect(start({ lambda: 0 }).every((value) => Object.is(value, 1))).toBe(true);
    expect(start({ theta: 1.01 }).every((value) => Object.is(value, 1))).toBe(true);
  });

  it("is ones and says so where the map has nothing positive or is not finite", () => {
    for (const values of [
      Float32Array.of(-1, -2, 0, -3),
      Float32Array.of(1, NaN, 0, 0),
      Float32Array.of(0, 0, 0, 0),
    ]) {
      const { mask, isDegenerate } = baseMask({ width: 2, height: 2, values }, baseMapDefaults, {
        height: 2,
        width: 2,
      });
      expect(isDegenerate).toBe(true);
      expect([...mask.values]).toEqual([1, 1, 1, 1]);
    }
  });

  const line = { width: 5, height: 1, values: Float32Array.of(0, 1, 2, 3, 4) };
  const along = (settings: Partial<BaseMapSettings>): readonly number[] => [
    ...baseMask(line, { ...baseMapDefaults, lambda: 1, ...settings }, { height: 1, width: 5 }).mask.values,
  ];

  it("drops the lowest share of cells with a quantile", () => {
    expect(along({ filter: "quantile", theta: 0.5 })).toEqual(closeTo([1, 1, 0.5, 0.25, 0]));
  });

  it("subtracts theta and rescales with a soft filter", () => {
    expect(along({ filter: "soft", theta: 0.5 })).toEqual(closeTo([1, 1, 1, 0.5, 0]));
  });

  it("stretches the survivors if asked to, with zero as the least value", () => {
    expect(along({ theta: 0.7, renormalize: true })).toEqual(closeTo([1, 1, 1, 0.25, 0]));
  });

  it("filters after resampling if asked to", () => {
    // 0, 0.25, 0.75, 1 in each row; only the last survives 0.8.
    const edge = { width: 2, height: 1, values: Float32Array.of(0, 1) };
    const { mask } = baseMask(
      edge,
      { ...baseMapDefaults, lambda: 1, theta: 0.8, filterAt: "mask" },
      { height: 1, width: 4 },
    );
    expect([...mask.values]).toEqual(closeTo([1, 1, 1, 0]));
  });

  it("shrinks a map that is finer than the mask by averaging", () => {
    const fine = {
      width: 4,
      height: 4,
      values: Float32Array.from({ length: 16 }, (_, index) => (index % 4 < 2 ? 0 : 1)),
    };
    const values = start({ theta: 0, lambda: 1 }, 2, fine);
    expect(values[0]! + values[1]!).toBeCloseTo(1, 12);
    expect(values[0]).toBeGreaterThan(0.8);
  });
});
