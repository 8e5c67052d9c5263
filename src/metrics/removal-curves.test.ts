import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linearModel, uniformImage } from "../../tests/linear-model.ts";
import type { SaliencyMap } from "../image/saliency-map.ts";
import { randomStream } from "../random/random-stream.ts";
import type { Model } from "../runtime/model.ts";
import { tensor, type Tensor } from "../tensor/tensor.ts";
import { createMemo, type MetricContext } from "./define-metric.ts";
import { deletion } from "./deletion.ts";
import { insertion } from "./insertion.ts";
import { overAll } from "./over-all.ts";
import { removalCurve, removalParams, trapezoid, type RemovalParams } from "./removal-curves.ts";

function context(
  model: Model,
  input: Tensor,
  values: readonly number[],
  params: Partial<RemovalParams> = {},
  extra: Partial<SaliencyMap> = {},
): MetricContext<RemovalParams> {
  return {
    model,
    input,
    target: { index: 0 },
    map: { width: model.width, height: model.height, values: Float32Array.from(values), ...extra },
    params: removalParams.parse({ score: "logit", ...params }),
    random: (...keys) => randomStream(0, ...keys),
    imageMemo: createMemo(),
    mapMemo: createMemo(),
  };
}

// Four pixels in a row; the mean colour (0) is the substrate, as in the golden example.
const golden = linearModel({ height: 1, width: 4, weights: [[0.4, 0.1, 0.3, 0.2]] });
const ones = uniformImage(golden, 1);
const goldenMap = [0.9, 0.2, 0.2, 0.5];

/** A linear model of 6 x 6 pixels on a random image, whose blurred copy is the substrate. */
function small(seed: number) {
  const random = randomStream(seed);
  const weights = Array.from({ length: 36 }, () => random.normal());
  const model = linearModel({ height: 6, width: 6, weights: [weights] });
  const input = tensor(
    Array.from({ length: 36 }, () => random.uniform()),
    [1, 1, 6, 6],
  );
  const distinct = [...Array(36).keys()].map((value) => value + 0.5 * random.uniform());
  return { model, input, map: distinct.sort(() => random.uniform() - 0.5) };
}

describe("deletion and insertion", () => {
  it("give the golden curves of four pixels", async () => {
    const removed = await deletion.evaluate(
      context(golden, ones, goldenMap, { protocol: "groupcam", pixelsPerStep: 1 }),
    );
    [1, 0.6, 0.4, 0.3, 0].forEach((y, index) => expect(removed.curve?.y[index]).toBeCloseTo(y, 6));
    expect(removed.score).toBeCloseTo(0.45, 6);
    expect(removed.details).toEqual({ tieFraction: 0.5, stepCount: 4 });
    // On a black substrate (0 in this model's pixel space) insertion is its mirror image.
    const flipped = await deletion.evaluate(
      context(
        golden,
        ones,
        goldenMap.map((value) => -value),
        { protocol: "black", pixelsPerStep: 1, ties: "reverse-index" },
      ),
    );
    [1, 0.7, 0.6, 0.4, 0].forEach((y, index) => expect(flipped.curve?.y[index]).toBeCloseTo(y, 6));
    expect(flipped.score).toBeCloseTo(0.55, 6);
  });

  it("add up to the score of image and substrate at every step of a linear score", async () => {
    const { model, input, map } = small(1);
    const at = context(model, input, map, { pixelsPerStep: 5 });
    const [removed, inserted] = [await removalCurve(at, "deletion"), await removalCurve(at, "insertion")];
    const ends = (removed.curve.y[0] ?? NaN) + (inserted.curve.y[0] ?? NaN);
    removed.curve.y.forEach((y, step) => expect(y + (inserted.curve.y[step] ?? NaN)).toBeCloseTo(ends, 4));
    expect(removed.area + inserted.area).toBeCloseTo(ends, 4);
  });

  it("share their end points exactly", async () => {
    const { model, input, map } = small(2);
    const at = context(model, input, map, { score: "probability" });
    const [removed, inserted] = [await removalCurve(at, "deletion"), await removalCurve(at, "insertion")];
    expect(removed.curve.y[0]).toBe(inserted.curve.y.at(-1));
    expect(removed.curve.y.at(-1)).toBe(inserted.curve.y[0]);
  });

  it("swap when the order is reversed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1000 }), fc.constantFrom(1, 2, 4, 6), async (seed, step) => {
        const { model, input, map } = small(seed);
        const params = { pixelsPerStep: step };
        const reversed = await removalCurve(
          context(
            model,
            input,
            map.map((value) => -value),
            params,
          ),
          "deletion",
        );
        const inserted = await removalCurve(context(model, input, map, params), "insertion");
        expect(reversed.area).toBeCloseTo(inserted.area, 4);
      }),
      { seed: 1, numRuns: 8 },
    );
  });

  it("depend on the order only", async () => {
    const { model, input, map } = small(3);
    const raw = await removalCurve(context(model, input, map), "deletion");
    const warped = await removalCurve(
      context(
        model,
        input,
        map.map((value) => Math.exp(value / 9) - 7),
      ),
      "deletion",
    );
    expect(warped.curve).toEqual(raw.curve);
  });

  it("are flat where image and substrate are the same", async () => {
    const { model, map } = small(4);
    const { curve } = await removalCurve(context(model, uniformImage(model, 0.3), map), "insertion");
    curve.y.forEach((y) => expect(y).toBeCloseTo(curve.y[0] ?? NaN, 4));
  });

  it("weigh a shorter last step as what it is, or as a whole one on request", async () => {
    const params = { protocol: "groupcam", pixelsPerStep: 3 } as const;
    const exact = await removalCurve(context(golden, ones, goldenMap, params), "deletion");
    expect(exact.curve.x).toEqual([0, 0.75, 1]);
    const equal = await removalCurve(
      context(golden, ones, goldenMap, { ...params, steps: "equal" }),
      "deletion",
    );
    expect(equal.curve.x).toEqual([0, 0.5, 1]);
    expect(exact.area).toBeCloseTo(0.75 * 0.65 + 0.25 * 0.15, 6);
    expect(equal.area).toBeCloseTo((1 + 2 * 0.3 + 0) / 4, 6);
  });

  it("evaluate the ends once an image and nothing twice", async () => {
    const { model, input, map } = small(5);
    const at = context(model, input, map, { pixelsPerStep: 9 });
    await deletion.evaluate(at);
    await insertion.evaluate(at);
    const { score, details } = await overAll.evaluate(at);
    expect(model.counts.forward).toBe(2 + 3 + 3);
    expect(score).toBeCloseTo(Number(details?.["insertion"]) - Number(details?.["deletion"]), 12);
    await deletion.evaluate({
      ...at,
      mapMemo: createMemo(),
      map: { ...at.map, values: at.map.values.map((v) => -v) },
    });
    expect(model.counts.forward).toBe(2 + 3 + 3 + 3);
  });

  it("give an over-all score of 0 within three standard errors for random maps", async () => {
    const { model, input } = small(6);
    const scores: number[] = [];
    for (let sample = 0; sample < 60; sample++) {
      const random = randomStream(9, sample);
      const at = context(
        model,
        input,
        Array.from({ length: 36 }, () => random.uniform()),
        { pixelsPerStep: 4 },
      );
      scores.push((await overAll.evaluate(at)).score ?? NaN);
    }
    const mean = scores.reduce((sum, value) => sum + value, 0) / scores.length;
    const variance = scores.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (scores.length - 1);
    expect(Math.abs(mean)).toBeLessThan(3 * Math.sqrt(variance / scores.length));
    expect(variance).toBeGreaterThan(0);
  });
});

describe("the igos protocol", () => {
  it("removes cells of the native mask, upsampled smoothly", async () => {
    const model = linearModel({ height: 4, width: 4, weights: [Array.from({ length: 16 }, () => 1 / 16)] });
    const native = { width: 2, height: 2, values: Float32Array.of(4, 3, 2, 1) };
    const image = tensor([...Array(16).keys()], [1, 1, 4, 4]);
    const at = context(
      model,
      image,
      [...Array(16).keys()],
      { protocol: "igos", pixelsPerStep: 2 },
      { native },
    );
    const { curve } = await removalCurve(at, "deletion");
    expect(curve.x).toEqual([0, 0.5, 1]);
    // Rows shown with weights 0, 1/3, 2/3, 1 (aligned corners) of a blurred image whose mean is that of the image rows.
    expect(curve.y[0]).toBeCloseTo(7.5, 4);
    expect(curve.y[1]).toBeGreaterThan(curve.y[2] ?? NaN);
  });

  it("says what to do where a map has no cells", async () => {
    const at = context(golden, ones, goldenMap, { protocol: "igos" });
    await expect(removalCurve(at, "deletion")).rejects.toThrow(/Use protocol 'paper'/);
  });
});

describe("trapezoid", () => {
  it("integrates straight lines exactly", () => {
    expect(trapezoid([0, 0.25, 1], [0, 0.25, 1])).toBeCloseTo(0.5, 12);
  });
});
