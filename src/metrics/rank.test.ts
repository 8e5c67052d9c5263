import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mersenneStream } from "../random/random-stream.ts";
import { orderDescending, ranks, tieFraction } from "./rank.ts";

describe("orderDescending", () => {
  it("orders the golden map 0, 3, 1, 2", () => {
    expect([...orderDescending(Float32Array.of(0.9, 0.2, 0.2, 0.5), "index")]).toEqual([0, 3, 1, 2]);
  });

  it("puts equal values in reverse raster order on request", () => {
    expect([...orderDescending(Float32Array.of(0.9, 0.2, 0.2, 0.5), "reverse-index")]).toEqual([0, 3, 2, 1]);
  });

  it("treats the two zeros as equal", () => {
    expect([...orderDescending(Float32Array.of(-0, 0, -1, 1), "index")]).toEqual([3, 0, 1, 2]);
  });

  it("agrees with a stable comparison sort", () => {
    const value = fc.oneof(fc.float({ noNaN: true }), fc.constantFrom(-0, 0, 1, -1, Infinity, -Infinity));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 200 }), (list) => {
        const values = Float32Array.from(list);
        const expected = [...values.keys()].sort((a, b) => {
          const [left, right] = [values[a] ?? 0, values[b] ?? 0];
          return left === right ? a - b : right > left ? 1 : -1;
        });
        expect([...orderDescending(values, "index")]).toEqual(expected);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("shuffles only within ties, and the same for the same seed", () => {
    const values = Float32Array.from({ length: 64 }, (_, index) => (index < 32 ? 1 : 0));
    const first = orderDescending(values, "random", mersenneStream(3));
    expect([...orderDescending(values, "random", mersenneStream(3))]).toEqual([...first]);
    expect([...first.subarray(0, 32)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 32 }, (_, index) => index),
    );
    expect([...first.subarray(0, 32)]).not.toEqual(Array.from({ length: 32 }, (_, index) => index));
  });

  it("refuses NaN", () => {
    expect(() => orderDescending(Float32Array.of(1, NaN), "index")).toThrow(/NaN at pixel 1/);
  });
});

describe("ranks and ties", () => {
  it("gives each pixel its position", () => {
    expect([...ranks(Uint32Array.of(0, 3, 1, 2))]).toEqual([0, 2, 3, 1]);
  });

  it("counts the pixels that share their value", () => {
    const values = Float32Array.of(0.9, 0.2, 0.2, 0.5);
    expect(tieFraction(values, orderDescending(values, "index"))).toBe(0.5);
  });
});
