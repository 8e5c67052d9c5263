import { describe, expect, it } from "vitest";
import { mersenneStream } from "../../random/random-stream.ts";
import { maskResampling } from "../../runtime/mask-resampling.ts";
import { tensor } from "../../tensor/tensor.ts";
import { bilateralRegularizer } from "./bilateral-total-variation.ts";
import type { Mask } from "./mask.ts";
import { meanRegularizer, sumRegularizer } from "./regularizer.ts";

const golden: Mask = { height: 2, width: 2, values: Float64Array.of(1, 0.5, 0, 1) };

function randomMask(height: number, width: number, seed: number): Mask {
  const random = mersenneStream(seed);
  return { height, width, values: Float64Array.from({ length: height * width }, () => random.uniform()) };
}

/** Largest difference between a gradient and central differences. */
function gradientError(value: (mask: Mask) => number, gradient: Float64Array, mask: Mask): number {
  const step = 1e-6;
  const shifted = (cell: number, by: number): number =>
    value({ ...mask, values: mask.values.map((v, index) => (index === cell ? v + by : v)) });
  const errors = [...gradient].map((slope, cell) =>
    Math.abs(slope - (shifted(cell, step) - shifted(cell, -step)) / (2 * step)),
  );
  return Math.max(...errors);
}

describe("regularisers", () => {
  it("give the golden values", () => {
    expect(meanRegularizer(2).tv(golden)).toBeCloseTo(1.25, 12);
    expect(meanRegularizer(3).tv(golden)).toBeCloseTo(1.125, 12);
    expect(meanRegularizer(2).l1(golden)).toBeCloseTo(0.375, 12);
  });

  it("sum the isotropic total variation by hand", () => {
    // (dx, dy): (-0.5, -1), (0, 0.5), (1, 0), (0, 0); exponent 3 of the lengths.
    expect(sumRegularizer(3).tv(golden)).toBeCloseTo(1.25 ** 1.5 + 0.125 + 1, 12);
    expect(sumRegularizer(3).l1(golden)).toBeCloseTo(1.5, 12);
  });

  it("pull a cell below 1 upwards, and one at exactly 1 not at all", () => {
    expect([...meanRegularizer(2).l1Gradient(golden)]).toEqual([0, -0.25, -0.25, 0]);
  });

  it("give 0 for masks of one cell or one row of equal values", () => {
    expect(meanRegularizer(2).tv({ height: 1, width: 1, values: Float64Array.of(0.3) })).toBe(0);
    expect(meanRegularizer(2).tv({ height: 1, width: 3, values: Float64Array.of(1, 1, 1) })).toBe(0);
  });

  const image = tensor(
    Float32Array.from({ length: 3 * 8 * 9 }, (_, index) => Math.sin(index) / 8),
    [1, 3, 8, 9],
  );
  const bilateral = bilateralRegularizer(
    image,
    maskResampling("half-pixel", { height: 4, width: 5 }, { height: 8, width: 9 }),
    0.01,
  );
  it.each([
    ["anisotropic, exponent 2", meanRegularizer(2)],
    ["anisotropic, exponent 3", meanRegularizer(3)],
    ["isotropic, exponent 3", sumRegularizer(3)],
    ["bilateral", bilateral],
  ])("have gradients equal to central differences: %s", (_, regularizer) => {
    const mask = randomMask(4, 5, 3);
    expect(gradientError(regularizer.tv, regularizer.tvGradient(mask), mask)).toBeLessThan(1e-7);
    expect(gradientError(regularizer.l1, regularizer.l1Gradient(mask), mask)).toBeLessThan(1e-7);
  });

  it("weight mask edges by how alike the pixels are", () => {
    const flat = tensor(new Float32Array(64), [1, 1, 8, 8]);
    const edged = tensor(
      Float32Array.from({ length: 64 }, (_, index) => (index % 8 < 4 ? 0 : 1)),
      [1, 1, 8, 8],
    );
    const same = maskResampling("half-pixel", { height: 8, width: 8 }, { height: 8, width: 8 });
    const mask: Mask = {
      height: 8,
      width: 8,
      values: Float64Array.from({ length: 64 }, (_, index) => (index % 8 < 4 ? 0 : 1)),
    };
    const plain = meanRegularizer(2).tv(mask);
    expect(bilateralRegularizer(flat, same, 0.01).tv(mask)).toBeCloseTo(plain, 12);
    expect(bilateralRegularizer(edged, same, 0.01).tv(mask)).toBeCloseTo(plain / 2, 12);
  });
});
