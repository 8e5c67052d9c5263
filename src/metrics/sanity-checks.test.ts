import { describe, expect, it } from "vitest";
import { evaluateMetric } from "../../tests/metric-context.ts";
import { mersenneStream } from "../random/random-stream.ts";
import { averageRanks, pearson, spearman } from "./correlation.ts";
import type { RandomizedStage } from "./define-metric.ts";
import { compareMaps, sanityChecks } from "./sanity-checks.ts";

function noise(seed: number, size = 64): number[] {
  const random = mersenneStream(seed);
  return Array.from({ length: size * size }, () => random.normal());
}
const map = (values: readonly number[], size = 64) => ({
  width: size,
  height: size,
  values: Float32Array.from(values),
});

describe("comparing maps", () => {
  it("gives 1 for equal maps by every measure", () => {
    const values = noise(1);
    const same = compareMaps(map(values), map(values));
    for (const value of Object.values(same)) expect(value).toBeCloseTo(1, 6);
  });

  it("gives about 0 for independent maps", () => {
    const { spearmanSigned, ssim, hog } = compareMaps(map(noise(1)), map(noise(2)));
    expect(Math.abs(spearmanSigned ?? NaN)).toBeLessThan(0.06);
    expect(Math.abs(ssim ?? NaN)).toBeLessThan(0.3);
    expect(Math.abs(hog ?? NaN)).toBeLessThan(0.3);
  });

  it("tells signed from absolute correlation", () => {
    const values = noise(3);
    const { spearmanSigned, spearmanAbsolute } = compareMaps(map(values), map(values.map((value) => -value)));
    expect(spearmanSigned).toBeCloseTo(-1, 6);
    expect(spearmanAbsolute).toBeCloseTo(1, 6);
  });

  it("has no value for a constant map", () => {
    const { spearmanAbsolute, ssim } = compareMaps(map(noise(1)), map(Array<number>(4096).fill(0.1)));
    expect([spearmanAbsolute, ssim]).toEqual([null, null]);
  });
});

describe("rank correlation", () => {
  it("gives ties the mean of their ranks", () => {
    expect([...averageRanks(Float32Array.of(3, 1, 3, 2))]).toEqual([3.5, 1, 3.5, 2]);
  });

  it("is 0.8 for one swap among four", () => {
    expect(spearman(Float32Array.of(1, 2, 3, 4), Float32Array.of(1, 2, 4, 3))).toBeCloseTo(0.8, 12);
  });

  it("agrees with Pearson on ranks and is null for constants", () => {
    expect(pearson([1, 2, 3], [2, 4, 6])).toBeCloseTo(1, 12);
    expect(pearson([0.1, 0.1, 0.1], [1, 2, 3])).toBeNull();
  });
});

describe("sanity-checks", () => {
  async function* stages(maps: readonly (readonly number[])[]): AsyncGenerator<RandomizedStage> {
    for (const [index, values] of maps.entries()) {
      yield { label: `block ${index}`, explain: () => Promise.resolve(map(values)) };
    }
  }

  it("averages the correlation over stages and keeps the curve", async () => {
    const first = noise(1);
    const { score, curve, details } = await evaluateMetric(
      sanityChecks,
      { width: 64, height: 64, values: first },
      {
        randomizedStages: () => stages([first, first.map((value) => -value)]),
      },
    );
    expect(score).toBeCloseTo(1, 6);
    expect(curve).toEqual({ x: [0, 1, 2], y: [1, expect.closeTo(1, 6), expect.closeTo(1, 6)] });
    expect(details?.["stages"]).toHaveLength(2);
  });

  it("leaves constant stages out of the mean", async () => {
    const first = noise(1);
    const { score, curve } = await evaluateMetric(
      sanityChecks,
      { width: 64, height: 64, values: first },
      {
        randomizedStages: () => stages([Array<number>(4096).fill(0), first]),
      },
    );
    expect(score).toBeCloseTo(1, 6);
    expect(curve?.x).toEqual([0, 2]);
  });

  it("says what it needs where weights cannot be changed", async () => {
    await expect(evaluateMetric(sanityChecks, { width: 64, height: 64, values: noise(1) })).rejects.toThrow(
      /weights/,
    );
  });
});
