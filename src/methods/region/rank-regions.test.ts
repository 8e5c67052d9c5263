import { describe, expect, it } from "vitest";
import { mersenneStream } from "../../random/random-stream.ts";
import { rankRegions, type RankRequest } from "./rank-regions.ts";

const all = { mode: "full", minPixelDiff: 1, areaThreshold: 1 } as const;
const range = (from: number, to: number): Int32Array =>
  Int32Array.from({ length: to - from }, (_, index) => from + index);

/** Scans every mask again after each pick, as the definition says. */
function slowRanking({ attribution, segments, minPixelDiff }: RankRequest): Float64Array {
  const values = new Float64Array(attribution.length).fill(NaN);
  let remaining = segments.map((_, index) => index);
  for (;;) {
    const open = (segment: number): number[] =>
      [...segments[segment]!].filter((pixel) => Number.isNaN(values[pixel]!));
    const mean = (pixels: readonly number[]): number =>
      pixels.reduce((sum, pixel) => sum + attribution[pixel]!, 0) / pixels.length;
    remaining = remaining.filter((segment) => open(segment).length >= minPixelDiff);
    if (remaining.length === 0) break;
    const best = remaining.reduce((a, b) => (mean(open(b)) > mean(open(a)) ? b : a));
    const pixels = open(best);
    const gain = mean(pixels);
    for (const pixel of pixels) values[pixel] = gain;
    remaining = remaining.filter((segment) => segment !== best);
  }
  const rest = [...values.keys()].filter((pixel) => Number.isNaN(values[pixel]!));
  for (const pixel of rest)
    values[pixel] = rest.reduce((sum, other) => sum + attribution[other]!, 0) / rest.length;
  return values;
}

describe("rankRegions", () => {
  const attribution = Float32Array.from({ length: 16 }, (_, index) => index / 16);
  const segments = [range(0, 8), range(8, 16), Int32Array.of(5, 6, 9, 10)];

  it("picks as the published example", () => {
    const { picks, values } = rankRegions({ ...all, attribution, segments });
    expect(picks).toEqual([
      { segment: 1, gain: 0.71875, count: 8 },
      { segment: 2, gain: 0.34375, count: 2 },
      { segment: 0, gain: expect.closeTo(0.177083, 6) as number, count: 6 },
    ]);
    expect(values.reduce((a, b) => a + b)).toBeCloseTo(7.5, 5);
  });

  it("equals the definition on random overlapping segments", () => {
    const random = mersenneStream(5);
    const pixels = 400;
    const request = {
      ...all,
      minPixelDiff: 6,
      attribution: Float64Array.from({ length: pixels }, () => random.normal()),
      segments: Array.from({ length: 40 }, () => {
        const start = random.integer(pixels);
        return range(start, Math.min(pixels, start + 5 + random.integer(90)));
      }),
    };
    const { values } = rankRegions(request);
    slowRanking(request).forEach((value, pixel) => expect(values[pixel]).toBeCloseTo(value, 5));
  });

  it("conserves the sum of the attribution", () => {
    const random = mersenneStream(6);
    const noise = Float64Array.from({ length: 100 }, () => random.normal());
    const { values } = rankRegions({ ...all, attribution: noise, segments: [range(0, 60), range(30, 90)] });
    expect(values.reduce((a, b) => a + b)).toBeCloseTo(
      noise.reduce((a, b) => a + b),
      4,
    );
  });

  it("gives the mean for one segment of the whole image, and where all segments are too small", () => {
    expect(new Set(rankRegions({ ...all, attribution, segments: [range(0, 16)] }).values)).toEqual(
      new Set([0.46875]),
    );
    expect(new Set(rankRegions({ ...all, minPixelDiff: 9, attribution, segments }).values)).toEqual(
      new Set([0.46875]),
    );
  });

  it("orders disjoint segments by their means", () => {
    const parts = [range(0, 4), range(12, 16), range(4, 8), range(8, 12)];
    expect(rankRegions({ ...all, attribution, segments: parts }).picks.map((pick) => pick.segment)).toEqual([
      1, 3, 2, 0,
    ]);
  });

  it("takes the lower index of two equal segments", () => {
    const flat = new Float32Array(16).fill(1);
    expect(
      rankRegions({ ...all, attribution: flat, segments: [range(8, 16), range(0, 8)] }).picks[0]?.segment,
    ).toBe(0);
  });

  it("sweeps once in the fast mode", () => {
    // By whole means: rows 2-3, the centre (0.46875), rows 0-1.
    const { picks } = rankRegions({ ...all, mode: "fast", attribution, segments });
    expect(picks.map((pick) => pick.segment)).toEqual([1, 2, 0]);
  });

  it("stops above the area threshold", () => {
    expect(rankRegions({ ...all, areaThreshold: 0.4, attribution, segments }).picks).toHaveLength(1);
  });
});
