import { describe, expect, it } from "vitest";
import { evaluateMetric } from "../../tests/metric-context.ts";
import type { TargetRegion } from "./define-metric.ts";
import { gridPointingGame } from "./grid-pointing-game.ts";
import { pointingEnergy } from "./pointing-energy.ts";
import { pointingGame } from "./pointing-game.ts";

/** A photograph of 8 x 4 pixels with the given pixels in the region. */
function region(
  pixels: readonly (readonly [x: number, y: number])[],
  placement?: TargetRegion["placement"],
): TargetRegion {
  const mask = new Uint8Array(32);
  for (const [x, y] of pixels) mask[y * 8 + x] = 1;
  return { width: 8, height: 4, mask, ...(placement === undefined ? {} : { placement }) };
}
const square = (values: readonly number[]) => ({ width: 2, height: 2, values });

describe("the pointing game", () => {
  it("looks the maximum up in the annotated pixel under its centre", async () => {
    // Pixel (1, 0) of 2 x 2 has its centre at (6, 1) of 8 x 4.
    const map = square([0, 5, 1, 1]);
    expect((await evaluateMetric(pointingGame, map, { region: region([[6, 1]]) })).score).toBe(1);
    expect(
      (
        await evaluateMetric(pointingGame, map, {
          region: region([
            [5, 1],
            [6, 2],
            [7, 1],
          ]),
        })
      ).score,
    ).toBe(0);
  });

  it("takes the first of several maxima, their shares, or their mean", async () => {
    const map = square([0, 5, 5, 0]);
    const where = region([[6, 1]]);
    expect((await evaluateMetric(pointingGame, map, { region: where })).score).toBe(1);
    const expected = await evaluateMetric(pointingGame, map, { region: where, params: { ties: "expected" } });
    expect(expected.score).toBe(0.5);
    expect(expected.details?.["maximumCount"]).toBe(2);
    const line = { width: 4, height: 1, values: [1, 0, 1, 0] };
    const middle = await evaluateMetric(pointingGame, line, {
      region: region([[3, 2]]),
      params: { ties: "centroid" },
    });
    expect(middle.score).toBe(1);
  });

  it("counts a constant map as a miss", async () => {
    const all = region(Array.from({ length: 32 }, (_, index) => [index % 8, Math.floor(index / 8)] as const));
    const { score, details } = await evaluateMetric(pointingGame, square([1, 1, 1, 1]), { region: all });
    expect(score).toBe(0);
    expect(details?.["isDegenerate"]).toBe(true);
  });

  it("hits strictly within the tolerance, in photograph pixels", async () => {
    const where = region([[4, 1]]);
    const at = (tolerance: number) =>
      evaluateMetric(pointingGame, square([0, 5, 0, 0]), { region: where, params: { tolerance } });
    expect((await at(2)).score).toBe(0);
    expect((await at(2.1)).score).toBe(1);
  });

  it("looks at photograph size with a tolerance of 15 pixels in the torchray protocol", async () => {
    const { score } = await evaluateMetric(pointingGame, square([0, 5, 0, 0]), {
      region: region([[0, 3]]),
      params: { protocol: "torchray" },
    });
    expect(score).toBe(1);
  });

  it("follows a crop, and misses in a border that shows no photograph", async () => {
    const crop = { width: 8, height: 4, region: { left: 2, top: 0, width: 4, height: 4 } };
    // Centre of pixel (1, 0): 2 + 1.5 * 2 = 5, 1.
    expect(
      (await evaluateMetric(pointingGame, square([0, 5, 0, 0]), { region: region([[5, 1]], crop) })).score,
    ).toBe(1);
    const letterbox = { width: 8, height: 4, region: { left: 0, top: -2, width: 8, height: 8 } };
    const bar = { width: 4, height: 4, values: [1, ...Array<number>(15).fill(0)] };
    expect((await evaluateMetric(pointingGame, bar, { region: region([[1, 0]], letterbox) })).score).toBe(0);
  });

  it("says which data sets have regions where there is none", async () => {
    await expect(evaluateMetric(pointingGame, square([0, 1, 0, 0]))).rejects.toThrow(/coco, mosaic/);
  });
});

describe("energy", () => {
  it("is the share of positive saliency in the region", async () => {
    const where = region([[6, 1]]);
    expect((await evaluateMetric(pointingEnergy, square([1, 3, -5, 0]), { region: where })).score).toBe(0.75);
    expect((await evaluateMetric(gridPointingGame, square([1, 3, -5, 0]), { region: where })).score).toBe(
      0.75,
    );
  });

  it("is 0 and flagged where nothing is positive", async () => {
    const { score, details } = await evaluateMetric(pointingEnergy, square([-1, 0, 0, 0]), {
      region: region([[6, 1]]),
    });
    expect([score, details?.["isDegenerate"]]).toEqual([0, true]);
  });
});
