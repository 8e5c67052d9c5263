import { describe, expect, it } from "vitest";
import { mersenneStream } from "../random/random-stream.ts";
import {
  blurred,
  maskResampling,
  resample,
  resampleAdjoint,
  upsamplingMatrix,
  type MaskUpsampling,
} from "./mask-resampling.ts";

function upsampled(kind: MaskUpsampling, values: readonly number[], size: number): readonly number[] {
  const resampling = maskResampling(kind, { height: 1, width: values.length }, { height: 1, width: size });
  return [...resample(resampling, Float64Array.from(values))];
}

function closeTo(values: readonly number[]): unknown[] {
  return values.map((value) => expect.closeTo(value, 12) as unknown);
}

describe("mask resampling", () => {
  it("gives the golden values", () => {
    expect(upsampled("half-pixel", [0, 1], 4)).toEqual(closeTo([0, 0.25, 0.75, 1]));
    expect(upsampled("align-corners", [0, 1], 4)).toEqual(closeTo([0, 1 / 3, 2 / 3, 1]));
    expect(upsampled("half-pixel", [0, 1, 3], 6)).toEqual(closeTo([0, 0.25, 0.75, 1.5, 2.5, 3]));
    expect(upsampled("align-corners", [0, 1, 3], 6)).toEqual(closeTo([0, 0.4, 0.8, 1.4, 2.2, 3]));
    expect(upsampled("nearest", [0, 1, 3], 6)).toEqual([0, 0, 1, 1, 3, 3]);
  });

  it.each(["half-pixel", "align-corners", "nearest"] as const)("has rows that sum to 1: %s", (kind) => {
    for (const [from, to] of [
      [1, 5],
      [7, 28],
      [28, 224],
      [5, 5],
      [28, 1],
    ] as const) {
      const { values } = upsamplingMatrix(kind, from, to);
      for (let row = 0; row < to; row++) {
        const sum = values.subarray(row * from, (row + 1) * from).reduce((total, value) => total + value, 0);
        expect(sum).toBeCloseTo(1, 12);
      }
    }
  });

  it("has an adjoint with <U a, b> = <a, U^T b>, blur included", () => {
    const random = mersenneStream(1);
    const draw = (length: number): Float64Array => Float64Array.from({ length }, () => random.normal());
    for (const sigma of [0, 1.5]) {
      const up = blurred(
        maskResampling("half-pixel", { height: 4, width: 5 }, { height: 11, width: 13 }),
        sigma,
      );
      const [a, b] = [draw(20), draw(143)];
      const dot = (x: Float64Array, y: Float64Array): number =>
        x.reduce((sum, value, index) => sum + value * y[index]!, 0);
      expect(dot(resample(up, a), b)).toBeCloseTo(dot(a, resampleAdjoint(up, b)), 10);
    }
  });

  it("keeps a constant mask constant when it blurs", () => {
    const up = blurred(maskResampling("nearest", { height: 4, width: 4 }, { height: 32, width: 32 }), 5);
    for (const value of resample(up, new Float64Array(16).fill(0.7))) expect(value).toBeCloseTo(0.7, 12);
  });

  it("refuses a mask of another size", () => {
    const up = maskResampling("nearest", { height: 2, width: 2 }, { height: 4, width: 4 });
    expect(() => resample(up, new Float64Array(9))).toThrow(/2 x 2 = 4 values, got 9/);
  });
});
