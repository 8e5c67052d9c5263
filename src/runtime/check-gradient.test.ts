import { describe, expect, it } from "vitest";
import { mersenneStream } from "../random/random-stream.ts";
import { batchItem, elementCount } from "../tensor/tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkGradient } from "./check-gradient.ts";
import type { GradientResult, Model } from "./model.ts";

type Score = (pixels: Float32Array) => number;
type Gradient = (pixels: Float32Array) => Float32Array;

const size = 8;

/** A model of one score, of which the check uses scores and gradients only. */
function modelOf(score: Score, gradient: Gradient, mixesBatch = false): Model {
  const items = (images: Tensor): readonly Float32Array[] =>
    Array.from({ length: images.dims[0] ?? 0 }, (_, index) => batchItem(images, index).data);
  const scoresOf = (images: Tensor): Float64Array => {
    const all = items(images);
    const scores = all.map((pixels) => score(pixels));
    const mean = scores.reduce((sum, value) => sum + value, 0) / scores.length;
    return Float64Array.from(scores, (value) => (mixesBatch ? value - 0.5 * mean : value));
  };
  const partial: Partial<Model> = {
    channels: 1,
    height: size,
    width: size,
    normalization: { mean: [0.5], std: [0.25], channelOrder: "gray" },
    scores: async (images) => scoresOf(images),
    gradient: async (images): Promise<GradientResult> => {
      const scores = scoresOf(images);
      const data = new Float32Array(elementCount(images.dims));
      for (const [index, pixels] of items(images).entries()) data.set(gradient(pixels), index * size * size);
      const logits: Tensor = { type: "float32", dims: [scores.length, 1], data: Float32Array.from(scores) };
      return { scores, logits, gradient: { ...images, data }, activations: [], layerGradients: [] };
    },
  };
  return partial as Model;
}

const weights = Float32Array.from({ length: size * size }, (_, index) => Math.sin(index));
const input: Tensor = {
  type: "float32",
  dims: [1, 1, size, size],
  data: Float32Array.from({ length: size * size }, (_, index) => Math.cos(index)),
};
const sum = (pixels: Float32Array, term: (value: number, index: number) => number): number =>
  pixels.reduce((total, value, index) => total + term(value, index), 0);
const quadratic: Score = (pixels) => sum(pixels, (value, index) => (weights[index] ?? 0) * value * value);
const gradientOfQuadratic: Gradient = (pixels) =>
  pixels.map((value, index) => 2 * (weights[index] ?? 0) * value);
const check = (model: Model) => checkGradient(model, input, { index: 0 }, mersenneStream(1));

describe("checkGradient", () => {
  it("passes the gradient of a smooth score", async () => {
    const result = await check(modelOf(quadratic, gradientOfQuadratic));
    expect(result).toMatchObject({ verdict: "pass", batch: { logits: 0, gradient: 0 } });
    expect(result.gradient.error).toBeLessThan(1e-3);
    expect(result.derivatives.map(({ kind }) => kind)).toEqual([
      ...Array.from({ length: 4 }, () => "gradient"),
      ...Array.from({ length: 12 }, () => "random"),
    ]);
  });

  it("fails a gradient that is 10 % too large", async () => {
    const result = await check(
      modelOf(quadratic, (pixels) => gradientOfQuadratic(pixels).map((value) => 1.1 * value)),
    );
    expect(result.verdict).toBe("fail");
    expect(result.gradient.error).toBeGreaterThan(0.05);
  });

  it("fails a gradient that lacks the part of a branch", async () => {
    const branch = (pixels: Float32Array): number =>
      sum(pixels, (value, index) => (index < 8 ? 2 * value : 0));
    const result = await check(modelOf((pixels) => quadratic(pixels) + branch(pixels), gradientOfQuadratic));
    expect(result.verdict).toBe("fail");
  });

  it("fails a gradient of zero where the score does change", async () => {
    const result = await check(modelOf(quadratic, (pixels) => new Float32Array(pixels.length)));
    expect(result.verdict).toBe("fail");
    expect(result.random.error).toBeCloseTo(1, 4);
  });

  it("says that nothing is proven where the score is constant", async () => {
    const result = await check(
      modelOf(
        () => 3,
        (pixels) => new Float32Array(pixels.length),
      ),
    );
    expect(result.verdict).toBe("inconclusive");
    expect(result.reason).toContain("does not change in any direction");
  });

  it("says that nothing is proven where the score changes by less than its rounding", async () => {
    const slight = 1e-9;
    const result = await check(
      modelOf(
        (pixels) => Math.fround(3 + slight * quadratic(pixels)),
        (pixels) => gradientOfQuadratic(pixels).map((value) => slight * value),
      ),
    );
    expect(result.verdict).toBe("inconclusive");
    expect(result.reason).toContain("less than float32 rounds it");
  });

  it("says that nothing is proven on a staircase", async () => {
    const steps: Score = (pixels) =>
      Math.floor(20 * sum(pixels, (value, index) => value * (weights[index] ?? 0))) / 20;
    const result = await check(modelOf(steps, () => weights));
    expect(result.verdict).toBe("inconclusive");
    expect(result.reason).toContain("staircase");
  });

  it("says that nothing is proven where the differences contradict each other", async () => {
    const noisy: Score = (pixels) => quadratic(pixels) + 1e-4 * Math.sin(1e7 * sum(pixels, (value) => value));
    const result = await check(modelOf(noisy, gradientOfQuadratic));
    expect(result.verdict).toBe("inconclusive");
    expect(result.reason).toContain("disagree with each other");
  });

  it("fails a score that is not finite", async () => {
    const result = await check(modelOf(() => NaN, gradientOfQuadratic));
    expect(result.verdict).toBe("fail");
    expect(result.reason).toContain("not a finite number");
  });

  it("fails a model that mixes the images of a batch", async () => {
    const result = await check(modelOf(quadratic, gradientOfQuadratic, true));
    expect(result.verdict).toBe("fail");
    expect(result.reason).toContain("mixes the images");
  });
});
