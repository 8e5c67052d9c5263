import { afterAll, describe, expect, it } from "vitest";
import { methodContext } from "../../../tests/support/method-context.ts";
import { randomTensor, smallConvolutionalModel, smallModel } from "../../../tests/support/small-model.ts";
import { slic } from "../../image/slic.ts";
import { randomStream } from "../../random/random-stream.ts";
import { tensor } from "../../tensor/tensor.ts";
import { lime } from "./lime.ts";
import { occlusion } from "./occlusion.ts";
import { pixelImageOf } from "./pixel-image.ts";
import { addMask, riseMasks } from "./rise-masks.ts";
import { rise, riseMaps } from "./rise.ts";
import { xrai } from "./xrai.ts";

const size = 12;
const area = size * size;
const weights = randomTensor([2, 3, size, size], 0.1, 21);
/** Logit c is w_c . x: every region method has a closed form. */
const linear = smallModel(
  [3, size, size],
  (g, x) =>
    g.node("Gemm", [g.reshape(x, ["batch", 3 * area]), g.constant(tensor(weights.data, [2, 3 * area]))], {
      transB: 1,
    }),
  { batchSize: 16 },
);
const convolutional = smallConvolutionalModel({ batchSize: 16 });
const input = randomTensor([1, 3, size, size], 1, 22);
const photograph = randomTensor([1, 3, 16, 16], 1, 23);
afterAll(() => Promise.all([linear.close(), convolutional.close()]));

/** What each pixel adds to logit 0 beyond a fill of 0 (the mean colour). */
const contributions = Float64Array.from({ length: area }, (_, pixel) =>
  [0, 1, 2].reduce(
    (sum, channel) => sum + weights.data[channel * area + pixel]! * input.data[channel * area + pixel]!,
    0,
  ),
);

describe("occlusion", () => {
  it("gives disjoint squares the contribution of their pixels", async () => {
    const params = { patch: 4, stride: 4, score: "logit" } as const;
    const { values } = await occlusion.explain(methodContext(occlusion, linear, input, { params }));
    for (const [x, y] of [
      [0, 0],
      [5, 3],
      [11, 11],
    ] as const) {
      let expected = 0;
      for (let dy = 0; dy < 4; dy++)
        for (let dx = 0; dx < 4; dx++)
          expected += contributions[(4 * Math.floor(y / 4) + dy) * size + 4 * Math.floor(x / 4) + dx]!;
      expect(values[y * size + x]).toBeCloseTo(expected, 4);
    }
  });
  it("covers every pixel where the stride does not divide the size", async () => {
    const params = { patch: 5, stride: 4, score: "logit" } as const;
    const { values, details } = await occlusion.explain(methodContext(occlusion, linear, input, { params }));
    expect(details?.["patches"]).toBe(9);
    expect(values.every((value) => value !== 0)).toBe(true);
  });
  it("shows the fill: nothing is lost where the image has the fill already", async () => {
    const black = tensor(new Float32Array(3 * area).fill(-2), [1, 3, size, size]);
    const { values } = await occlusion.explain(
      methodContext(occlusion, linear, black, { params: { fill: "black" } }),
    );
    expect(values.every((value) => Math.abs(value) < 1e-6)).toBe(true);
  });
  it("refuses a square larger than the image", async () => {
    await expect(
      occlusion.explain(methodContext(occlusion, linear, input, { params: { patch: 13 } })),
    ).rejects.toThrow(/at most 12 pixels, got 13/);
  });
});

describe("RISE", () => {
  it("equals the definition, mask by mask", async () => {
    const context = methodContext(rise, convolutional, photograph, {
      params: { masks: 20 },
      target: { index: 1 },
      seed: 3,
    });
    const geometry = { gridSize: 7, height: 16, width: 16, border: "reflect-101", keep: 0.5 } as const;
    const draw = riseMasks(geometry);
    const expected = new Float64Array(256);
    for (let index = 0; index < 20; index++) {
      const drawn = draw(randomStream(3, "rise", index));
      const mask = new Float64Array(256);
      addMask(mask, drawn, 1, geometry);
      const masked = tensor(
        photograph.data.map((value, element) => value * mask[element % 256]!),
        photograph.dims,
      );
      const [score] = await convolutional.scores(masked, { index: 1 }, "probability");
      addMask(expected, drawn, score! / (20 * 0.5), geometry);
    }
    const { values } = await rise.explain(context);
    values.forEach((value, pixel) => expect(value).toBeCloseTo(expected[pixel]!, 5));
  });
  it("gives the score everywhere when everything is shown", async () => {
    const [score] = await convolutional.scores(photograph, { index: 0 }, "probability");
    const { values } = await rise.explain(
      methodContext(rise, convolutional, photograph, { params: { masks: 5, keep: 1 } }),
    );
    for (const value of values) expect(value).toBeCloseTo(score!, 5);
  });
  it("gives a constant score exactly with the realised normaliser", async () => {
    const blind = smallModel([1, 8, 8], (g, x) =>
      g.add(
        g.mul(g.reduce("ReduceMean", g.reshape(x, ["batch", 64]), [1]), 0),
        g.floats([0, Math.log(3)], [1, 2]),
      ),
    );
    const params = { masks: 40, grid: 4, normaliser: "realised" } as const;
    const map = await rise.explain(
      methodContext(rise, blind, randomTensor([1, 1, 8, 8], 1, 5), { params, target: { index: 1 } }),
    );
    await blind.close();
    for (const value of map.values) expect(value).toBeCloseTo(0.75, 5);
  });
  it("gives maps for several targets from one pass", async () => {
    const context = methodContext(rise, convolutional, photograph, { params: { masks: 30 } });
    const before = convolutional.counts.forward;
    const [first, second] = await riseMaps(context, [{ index: 0 }, { index: 4 }]);
    expect(convolutional.counts.forward - before).toBe(30);
    expect(first!.values).toEqual((await rise.explain(context)).values);
    expect(second!.values).toEqual((await rise.explain({ ...context, target: { index: 4 } })).values);
  });
  it("stops once it is precise enough, at the same mask for any batch size", async () => {
    const params = { masks: 2000, tolerance: 0.1 };
    const runs = await Promise.all(
      [7, 64].map(async (batchSize) => {
        const model = smallConvolutionalModel({ batchSize });
        const map = await rise.explain(methodContext(rise, model, photograph, { params }));
        await model.close();
        return map;
      }),
    );
    expect(runs[0]!.details?.["masks"]).toBeLessThan(2000);
    expect(runs[1]!.details).toEqual(runs[0]!.details);
  });
});

describe("LIME", () => {
  it("recovers the contributions of the segments of an additive score", async () => {
    const params = { segmentCount: 9, score: "logit", hide: "mean", alpha: 1e-6, samples: 200 } as const;
    const map = await lime.explain(methodContext(lime, linear, input, { params }));
    const { labels, count } = slic(pixelImageOf(input, linear.normalization), { segmentCount: 9 });
    const expected = new Float64Array(count);
    labels.forEach((label, pixel) => (expected[label]! += contributions[pixel]!));
    expect(map.details?.["coefficients"]).toEqual(
      Array.from(expected, (value) => expect.closeTo(value, 3) as unknown),
    );
    expect(map.details?.["rSquared"]).toBeCloseTo(1, 4);
    map.values.forEach((value, pixel) => expect(value).toBeCloseTo(expected[labels[pixel]!]!, 3));
  });
  it("shows the segment's own mean colour where it hides", async () => {
    // Constant segments look the same hidden, so nothing changes.
    const grey = tensor(new Float32Array(3 * area).fill(0.3), [1, 3, size, size]);
    const map = await lime.explain(
      methodContext(lime, linear, grey, { params: { samples: 20, segmentCount: 4 } }),
    );
    expect(map.values.every((value) => Math.abs(value) < 1e-6)).toBe(true);
  });
  it("says when the whole image is one segment", async () => {
    const map = await lime.explain(
      methodContext(lime, linear, input, { params: { samples: 20, segmentCount: 1 } }),
    );
    expect(map.degenerate?.message).toMatch(/one segment/);
  });
  it.each(["quickshift", "felzenszwalb"] as const)("takes segments of %s", async (segments) => {
    const map = await lime.explain(methodContext(lime, linear, input, { params: { samples: 20, segments } }));
    expect(map.values.every(Number.isFinite)).toBe(true);
  });
});

describe("XRAI", () => {
  const params = { scales: [4, 9, 16], minPixelDiff: 3, dilation: 1, steps: 4 };

  it("keeps the sum of the attribution, which completeness gives with summed channels", async () => {
    const { values } = await xrai.explain(
      methodContext(xrai, linear, input, { params: { ...params, channels: "sum" } }),
    );
    // Between black (-2) and white (2) the mean baseline of a linear network is 0.
    const logit = contributions.reduce((sum, value) => sum + value, 0);
    expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(logit, 3);
  });
  it("is constant on few regions and reports how many", async () => {
    const { values, details } = await xrai.explain(methodContext(xrai, linear, input, { params }));
    const regions = details?.["regions"] as number;
    expect(new Set(values).size).toBeLessThanOrEqual(regions + 1);
    expect(details?.["segmentCounts"]).toHaveLength(3);
  });
  it("takes the largest channel, with its sign", async () => {
    const { values } = await xrai.explain(
      methodContext(xrai, linear, input, { params: { ...params, minPixelDiff: 1000 } }),
    );
    const largest = Array.from({ length: area }, (_, pixel) =>
      Math.max(...[0, 1, 2].map((c) => weights.data[c * area + pixel]! * input.data[c * area + pixel]!)),
    );
    expect(values[0]).toBeCloseTo(largest.reduce((sum, value) => sum + value, 0) / area, 4);
  });
  it("takes the segments of Felzenszwalb at 224 pixels", async () => {
    const { details } = await xrai.explain(
      methodContext(xrai, linear, input, { params: { segments: "felzenszwalb", steps: 2, minPixelDiff: 1 } }),
    );
    expect(details?.["segmentCounts"]).toHaveLength(6);
  });
});
