import { describe, expect, it } from "vitest";
import { linearModel } from "../../tests/linear-model.ts";
import { evaluateMetric } from "../../tests/metric-context.ts";
import { mersenneStream } from "../random/random-stream.ts";
import { tensor } from "../tensor/tensor.ts";
import { createMemo } from "./define-metric.ts";
import { infidelity } from "./infidelity.ts";
import { sensitivityN } from "./sensitivity-n.ts";

const random = mersenneStream(5);
const weights = Array.from({ length: 64 }, () => random.normal());
const pixels = Array.from({ length: 64 }, () => random.uniform());
const model = linearModel({ height: 8, width: 8, weights: [weights] });
const input = tensor(pixels, [1, 1, 8, 8]);
// On a linear network, weight times pixel is exactly what removing the pixel (to 0) costs.
const exact = { width: 8, height: 8, values: weights.map((weight, index) => weight * (pixels[index] ?? 0)) };
const params = { cells: 4, samples: 20, fractions: [0.25, 0.5] };

describe("sensitivity-n and infidelity", () => {
  it("are perfect for the exact attribution of a linear network, whatever its scale", async () => {
    const scaled = { ...exact, values: exact.values.map((value) => 3 * value) };
    expect((await evaluateMetric(sensitivityN, scaled, { model, input, params })).score).toBeCloseTo(1, 4);
    const { score, details } = await evaluateMetric(infidelity, scaled, { model, input, params });
    expect(score).toBeCloseTo(0, 4);
    expect(details?.["scale"]).toBeCloseTo(1 / 3, 4);
  });

  it("are undefined and 1 for a map of zeros", async () => {
    const zeros = { width: 8, height: 8, values: Array<number>(64).fill(0) };
    expect((await evaluateMetric(sensitivityN, zeros, { model, input, params })).score).toBeNull();
    expect((await evaluateMetric(infidelity, zeros, { model, input, params })).score).toBe(1);
  });

  it("share the forward passes of an image", async () => {
    const before = model.counts.forward;
    const imageMemo = createMemo();
    await evaluateMetric(sensitivityN, exact, { model, input, params, imageMemo });
    await evaluateMetric(infidelity, exact, { model, input, params, imageMemo });
    expect(model.counts.forward - before).toBe(2 * 21);
  });
});
