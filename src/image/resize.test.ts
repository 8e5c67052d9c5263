import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../errors.ts";
import { tensor } from "../tensor/tensor.ts";
import { resizeFilters } from "./resample-taps.ts";
import { type Raster, resize, resizeTensor } from "./resize.ts";

type Golden = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
const golden = JSON.parse(
  readFileSync(new URL("../../tests/reference/pillow/resize.json", import.meta.url), "utf8"),
) as Golden;

// The pattern of tests/reference/pillow/README.md.
const pattern: Raster = {
  width: 7,
  height: 5,
  channels: 1,
  data: Float32Array.from({ length: 35 }, (_, index) => {
    const x = index % 7;
    const y = Math.floor(index / 7);
    return (3 * x * x + 7 * y + 5 * x * y) % 17;
  }),
};

function largestDifference(actual: ArrayLike<number>, expected: readonly number[] | undefined): number {
  if (actual.length !== expected?.length) return Infinity;
  return expected.reduce(
    (largest, value, index) => Math.max(largest, Math.abs(value - (actual[index] ?? Number.NaN))),
    0,
  );
}

function row(values: readonly number[]): Raster {
  return { width: values.length, height: 1, channels: 1, data: Float32Array.from(values) };
}

describe("resize", () => {
  for (const filter of resizeFilters) {
    it(`gives Pillow's numbers with the ${filter} filter`, () => {
      expect(
        largestDifference(resize(pattern, 3, 2, { filter }).data, golden[filter]?.["shrink"]),
      ).toBeLessThan(1e-5);
      expect(
        largestDifference(resize(pattern, 9, 8, { filter }).data, golden[filter]?.["enlarge"]),
      ).toBeLessThan(1e-5);
      const region = { left: 1.25, top: 0.5, width: 5.25, height: 3.75 };
      expect(
        largestDifference(resize(pattern, 3, 3, { filter, region }).data, golden[filter]?.["region"]),
      ).toBeLessThan(1e-5);
    });
  }

  it("gives OpenCV's bilinear numbers without antialiasing", () => {
    expect(
      largestDifference(
        resize(pattern, 3, 2, { antialias: false }).data,
        golden["opencv-linear"]?.["shrink"],
      ),
    ).toBeLessThan(1e-5);
    expect(
      largestDifference(
        resize(pattern, 9, 8, { antialias: false }).data,
        golden["opencv-linear"]?.["enlarge"],
      ),
    ).toBeLessThan(1e-5);
  });

  it("halves with weights 1/8, 3/8, 3/8, 1/8 when antialiased", () => {
    // s = 2, radius 2: output 1 of 4 is centred on 3, taps 1..4 at distances 1.5, 0.5, 0.5, 1.5.
    const [, value] = resize(row([0, 8, 80, 800, 8000, 0, 0, 0]), 4, 1).data;
    expect(value).toBeCloseTo(8 / 8 + (3 * 80) / 8 + (3 * 800) / 8 + 8000 / 8, 3);
  });

  it("drops taps outside the image and renormalises", () => {
    // Output 0 of 4 is centred on 1: taps 0, 1, 2 with 3/7, 3/7, 1/7.
    const [value] = resize(row([7, 70, 700, 0, 0, 0, 0, 0]), 4, 1).data;
    expect(value).toBeCloseTo(3 + 30 + 100, 4);
  });

  it("takes a = -1/2 for bicubic", () => {
    // Between two samples at 1/4: weights -9/128, 111/128, 29/128, -3/128.
    const value = resize(row([128, 1280, 12800, 128000]), 8, 1, { filter: "bicubic" }).data[3];
    expect(value).toBeCloseTo(-9 + 1110 + 2900 - 3000, 2);
  });

  it("keeps channels apart", () => {
    const data = Uint8Array.from([0, 100, 200, 10, 110, 210]);
    const result = resize({ width: 2, height: 1, channels: 3, data }, 1, 1);
    expect([...result.data]).toEqual([5, 105, 205]);
  });

  it("keeps a constant image constant for every filter, size and region", () => {
    const size = fc.integer({ min: 1, max: 23 });
    fc.assert(
      fc.property(
        size,
        size,
        size,
        size,
        fc.constantFrom(...resizeFilters),
        fc.boolean(),
        (w, h, width, height, filter, antialias) => {
          const source = { width: w, height: h, channels: 1, data: new Float32Array(w * h).fill(0.25) };
          for (const value of resize(source, width, height, { filter, antialias }).data)
            expect(value).toBeCloseTo(0.25, 6);
        },
      ),
      { seed: 1, numRuns: 100 },
    );
  });

  it("leaves an image of the same size as it is", () => {
    for (const filter of resizeFilters)
      expect(largestDifference(resize(pattern, 7, 5, { filter }).data, [...pattern.data])).toBeLessThan(1e-5);
  });

  it("refuses regions that leave the image", () => {
    expect(() => resize(pattern, 3, 3, { region: { left: 3, top: 0, width: 5, height: 5 } })).toThrow(
      ShapeError,
    );
    expect(() => resize(pattern, 0, 3)).toThrow(/at least 1 x 1/);
  });
});

describe("resizeTensor", () => {
  it("resizes every plane by itself", () => {
    const result = resizeTensor(tensor([0, 0, 4, 4, 1, 3, 1, 3], [1, 2, 2, 2]), 1, 1);
    expect(result.dims).toEqual([1, 2, 1, 1]);
    expect([...result.data]).toEqual([2, 2]);
  });
});
