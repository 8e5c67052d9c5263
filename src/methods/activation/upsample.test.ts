import { describe, expect, it } from "vitest";
import { upsampleHalfPixel } from "./upsample.ts";

function row(values: readonly number[], width: number): number[] {
  return [
    ...upsampleHalfPixel({ width: values.length, height: 1, values: Float32Array.from(values) }, width, 1)
      .values,
  ];
}

describe("upsampleHalfPixel", () => {
  it("gives the published rows", () => {
    expect(row([0, 1], 4)).toEqual([0, 0.25, 0.75, 1]);
    expect(row([0, 1, 3], 6)).toEqual([0, 0.25, 0.75, 1.5, 2.5, 3]);
  });

  it("treats rows and columns alike", () => {
    const column = upsampleHalfPixel({ width: 1, height: 3, values: Float32Array.of(0, 1, 3) }, 1, 6);
    expect([...column.values]).toEqual(row([0, 1, 3], 6));
  });

  it("keeps a map that has the size already", () => {
    expect(row([3, 1, 2], 3)).toEqual([3, 1, 2]);
  });
});
