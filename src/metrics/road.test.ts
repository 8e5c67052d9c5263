import { describe, expect, it } from "vitest";
import { linearModel } from "../../tests/linear-model.ts";
import { evaluateMetric } from "../../tests/metric-context.ts";
import { mersenneStream } from "../random/random-stream.ts";
import { tensor } from "../tensor/tensor.ts";
import { imputeLinearly } from "./linear-imputation.ts";
import { road } from "./road.ts";

describe("linear imputation", () => {
  it("restores an affine image exactly where the hole is surrounded", () => {
    const ramp = tensor(
      Array.from({ length: 100 }, (_, index) => (index % 10) + 2 * Math.floor(index / 10)),
      [1, 1, 10, 10],
    );
    const hole = Uint8Array.from({ length: 100 }, (_, index) => {
      const [x, y] = [index % 10, Math.floor(index / 10)];
      return x > 1 && x < 8 && y > 1 && y < 7 ? 1 : 0;
    });
    const result = imputeLinearly(ramp, hole, 0, mersenneStream(1));
    result.data.forEach((value, index) => expect(value).toBeCloseTo(ramp.data[index] ?? NaN, 1));
  });

  it("keeps the pixels that were not removed, bit for bit", () => {
    const random = mersenneStream(4);
    const image = tensor(
      Array.from({ length: 50 }, () => random.normal()),
      [1, 2, 5, 5],
    );
    const removed = Uint8Array.from({ length: 25 }, (_, index) => (index % 3 === 0 ? 1 : 0));
    const result = imputeLinearly(image, removed, 0.1, random);
    const kept = [...removed.keys()].filter((pixel) => result.data[pixel] === image.data[pixel]);
    expect(kept).toEqual([...removed.keys()].filter((pixel) => removed[pixel] === 0));
  });

  it("weighs straight neighbours twice as much as diagonal ones", () => {
    const image = tensor([6, 12, 0, 0, 99, 0, 0, 0, 0], [1, 1, 3, 3]);
    const result = imputeLinearly(image, Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0), 0, mersenneStream(1));
    expect(result.data[4]).toBeCloseTo(6 / 12 + 12 / 6, 3);
  });

  it("gives noise only where everything is removed", () => {
    const image = tensor([1, 2, 3, 4], [1, 1, 2, 2]);
    expect([...imputeLinearly(image, Uint8Array.of(1, 1, 1, 1), 0, mersenneStream(1)).data]).toEqual([
      0, 0, 0, 0,
    ]);
  });
});

describe("road", () => {
  const weights = Array.from({ length: 64 }, (_, index) => (index === 27 ? 4 : 0));
  const model = linearModel({ height: 8, width: 8, weights: [weights] });
  const input = tensor(
    Array.from({ length: 64 }, (_, index) => (index === 27 ? 1 : 0)),
    [1, 1, 8, 8],
  );

  it("is positive for the map that points at the pixel that counts, negative for its opposite", async () => {
    const right = await evaluateMetric(road, { width: 8, height: 8, values: weights }, { model, input });
    const wrong = await evaluateMetric(
      road,
      { width: 8, height: 8, values: weights.map((w) => -w) },
      { model, input },
    );
    expect(right.score).toBeGreaterThan(0.3);
    expect(wrong.score).toBeLessThan(-0.3);
    expect(right.curve?.x).toHaveLength(9);
  });
});
