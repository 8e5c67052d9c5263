import { describe, expect, it } from "vitest";
import { attributionMap, reduceChannels } from "./channel-reduction.ts";

describe("reduceChannels", () => {
  const values = Float32Array.of(1, -2, -3, 4, 2, -6);

  it.each([
    ["max-abs", [3, 6]],
    ["sum-abs", [6, 12]],
    ["sum", [0, -4]],
    ["mean-abs", [2, 4]],
  ] as const)("%s over three channels", (reduction, expected) => {
    expect([...reduceChannels(values, 3, reduction)]).toEqual(expected);
  });

  it("l2 is the Euclidean norm", () => {
    const [first, second] = reduceChannels(values, 3, "l2");
    expect(first).toBeCloseTo(Math.sqrt(14), 6);
    expect(second).toBeCloseTo(Math.sqrt(56), 6);
  });
});

describe("attributionMap", () => {
  it("is signed only for the signed sum", () => {
    const values = Float32Array.of(1, -2);
    expect(attributionMap(values, [1, 1, 2], "sum").isSigned).toBe(true);
    expect(attributionMap(values, [1, 1, 2], "max-abs").isSigned).toBe(false);
  });

  it("names values that are not finite, even behind a zero", () => {
    expect(attributionMap(Float32Array.of(0, NaN), [1, 1, 2], "sum").degenerate?.code).toBe("non-finite");
  });
});
