import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { polygonRuns } from "./polygon.ts";
import { compressCounts, decodeRuns, encodeRuns, parseCompressedCounts } from "./rle.ts";

const square = [1, 1, 4, 1, 4, 4, 1, 4];
const triangle = [0.5, 0.5, 5.5, 0.5, 0.5, 5.5];
const rectangle = [1.5, 1.5, 4.5, 1.5, 4.5, 3.5, 1.5, 3.5];

describe("polygons", () => {
  it.each([
    [square, [7, 3, 3, 3, 3, 3, 14], "733000;", 9],
    [triangle, [7, 4, 2, 3, 3, 2, 4, 1, 10], "742O1O1O6", 10],
    [rectangle, [14, 2, 4, 2, 4, 2, 8], ">240004", 6],
  ] as const)("%j gives the golden runs", (polygon, counts, text, pixelCount) => {
    const runs = polygonRuns(polygon, 6, 6);
    expect(runs.counts).toEqual(counts);
    expect(compressCounts(runs.counts)).toBe(text);
    expect(decodeRuns(runs).reduce((sum, value) => sum + value, 0)).toBe(pixelCount);
  });

  it("fill the image whatever the points are", () => {
    const coordinate = fc.double({ min: -20, max: 40, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(coordinate, { minLength: 6, maxLength: 16 }),
        fc.integer({ min: 1, max: 20 }),
        (points, size) => {
          expect(decodeRuns(polygonRuns(points, size, 17))).toHaveLength(size * 17);
        },
      ),
      { seed: 1 },
    );
  });
});

describe("run lengths", () => {
  it("write an empty mask of 5 x 10 as b1", () => {
    expect(compressCounts(encodeRuns(new Uint8Array(50), 5, 10).counts)).toBe("b1");
  });

  it("run down the columns", () => {
    // Two rows, three columns; the second column is marked.
    expect(encodeRuns(Uint8Array.of(0, 1, 0, 0, 1, 0), 2, 3).counts).toEqual([2, 2, 2]);
  });

  it("survive writing and reading", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.constantFrom(0, 1), { minLength: 12, maxLength: 144 }),
        (height, bits) => {
          const width = Math.floor(bits.length / height);
          const mask = Uint8Array.from(bits.slice(0, height * width));
          const runs = encodeRuns(mask, height, width);
          expect([...parseCompressedCounts(compressCounts(runs.counts))]).toEqual([...runs.counts]);
          expect([...decodeRuns(runs)]).toEqual([...mask]);
        },
      ),
      { seed: 1 },
    );
  });

  it("survive writing and reading for long runs", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400_000_000 }), { maxLength: 9 }), (counts) => {
        expect(parseCompressedCounts(compressCounts(counts))).toEqual(counts);
      }),
      { seed: 1 },
    );
  });

  it("refuse runs that do not fill the image, and text that is none", () => {
    expect(() => decodeRuns({ counts: [3, 3], height: 2, width: 2 })).toThrow(/2 x 2 = 4 pixels, got 6/);
    expect(() => parseCompressedCounts("o")).toThrow(/character 1/);
    expect(() => parseCompressedCounts("ooooooo1")).toThrow(/compressed run lengths/);
  });
});
