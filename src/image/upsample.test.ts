import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mersenneStream } from "../random/random-stream.ts";
import type { Grid } from "./saliency-map.ts";
import { upsampleBilinear, upsampleBilinearAdjoint, upsamplingMatrix } from "./upsample.ts";

function row(values: readonly number[]): Grid {
  return { width: values.length, height: 1, values: Float32Array.from(values) };
}

function largestDifference(grid: Grid, expected: readonly number[]): number {
  if (grid.values.length !== expected.length) return Infinity;
  return expected.reduce(
    (largest, value, index) => Math.max(largest, Math.abs(value - (grid.values[index] ?? Number.NaN))),
    0,
  );
}

function randomGrid(width: number, height: number, seed: number): Grid {
  const random = mersenneStream(seed);
  return { width, height, values: Float32Array.from({ length: width * height }, () => random.normal()) };
}

function inner(a: Grid, b: Grid): number {
  return a.values.reduce((sum, value, index) => sum + value * (b.values[index] ?? Number.NaN), 0);
}

describe("upsampleBilinear", () => {
  it("gives the worked values with half-pixel positions", () => {
    expect(
      largestDifference(upsampleBilinear(row([0, 1]), 4, 1, "half-pixel"), [0, 0.25, 0.75, 1]),
    ).toBeLessThan(1e-6);
    expect(
      largestDifference(upsampleBilinear(row([0, 1, 3]), 6, 1, "half-pixel"), [0, 0.25, 0.75, 1.5, 2.5, 3]),
    ).toBeLessThan(1e-6);
  });

  it("gives the worked values with aligned corners", () => {
    expect(
      largestDifference(upsampleBilinear(row([0, 1]), 4, 1, "align-corners"), [0, 1 / 3, 2 / 3, 1]),
    ).toBeLessThan(1e-6);
    expect(
      largestDifference(upsampleBilinear(row([0, 1, 3]), 6, 1, "align-corners"), [0, 0.4, 0.8, 1.4, 2.2, 3]),
    ).toBeLessThan(1e-6);
  });

  it("takes the first sample where a single one is asked for with aligned corners", () => {
    expect(largestDifference(upsampleBilinear(row([5, 1]), 1, 1, "align-corners"), [5])).toBeLessThan(1e-6);
  });

  it("equals U_h M U_w^T", () => {
    const grid = randomGrid(3, 4, 1);
    for (const mode of ["half-pixel", "align-corners"] as const) {
      const rows = upsamplingMatrix(4, 9, mode);
      const columns = upsamplingMatrix(3, 7, mode);
      const up = upsampleBilinear(grid, 7, 9, mode);
      for (let y = 0; y < 9; y++) {
        for (let x = 0; x < 7; x++) {
          let sum = 0;
          for (let j = 0; j < 4; j++) {
            for (let i = 0; i < 3; i++)
              sum += rows[y * 4 + j]! * grid.values[j * 3 + i]! * columns[x * 3 + i]!;
          }
          expect(up.values[y * 7 + x]).toBeCloseTo(sum, 5);
        }
      }
    }
  });

  it("has the adjoint <U a, b> = <a, U^T b> and never leaves the range", () => {
    const size = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(
        size,
        size,
        size,
        size,
        fc.constantFrom("half-pixel" as const, "align-corners" as const),
        (w, h, width, height, mode) => {
          const a = randomGrid(w, h, 3);
          const b = randomGrid(width, height, 4);
          const up = upsampleBilinear(a, width, height, mode);
          expect(inner(up, b)).toBeCloseTo(inner(a, upsampleBilinearAdjoint(b, w, h, mode)), 3);
          expect(Math.max(...up.values)).toBeLessThanOrEqual(Math.max(...a.values) + 1e-6);
          expect(Math.min(...up.values)).toBeGreaterThanOrEqual(Math.min(...a.values) - 1e-6);
        },
      ),
      { seed: 2, numRuns: 100 },
    );
  });
});
