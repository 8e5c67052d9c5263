import { describe, expect, it } from "vitest";
import { giniIndex } from "./sparseness.ts";

describe("the Gini index", () => {
  it("is 0 for equal values and 1 - 1/n for a single one", () => {
    expect(giniIndex(Float32Array.of(2, -2, 2, 2))).toBeCloseTo(0, 12);
    expect(giniIndex(Float32Array.of(0, 0, 7, 0))).toBeCloseTo(0.75, 12);
  });

  it("is 1/4 for 1, 2, 3, 4", () => {
    expect(giniIndex(Float32Array.of(4, 2, 1, 3))).toBeCloseTo(0.25, 12);
  });

  it("is not defined for zeros", () => {
    expect(giniIndex(new Float32Array(4))).toBeNull();
  });
});
