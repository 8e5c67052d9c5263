import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smallConvolutional } from "../../tests/support/small-models.ts";
import { mersenneStream } from "../random/random-stream.ts";
import { concatBatch, tensor, type Tensor } from "../tensor/tensor.ts";
import type { GraphModel } from "./graph-model.ts";
import {
  maskResampling,
  resample,
  resampleAdjoint,
  blurred,
  type MaskResampling,
} from "./mask-resampling.ts";
import { maskedProgram, type MaskedInput } from "./masked-input.ts";

const draw = mersenneStream(2);
const side = 16;
const area = side * side;
const normals = (dims: readonly number[]): Tensor =>
  tensor(
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => draw.normal()),
    dims,
  );
const uniforms = (dims: readonly number[]): Tensor =>
  tensor(
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => draw.uniform()),
    dims,
  );
const foreground = normals([1, 3, side, side]);
const background = normals([1, 3, side, side]);
const shape = { channels: 3, height: side, width: side };
const resampling = maskResampling("half-pixel", { height: 4, width: 4 }, { height: side, width: side });
const target = { index: 1 };

/** The composite of one sample in plain loops. */
function composite(
  weight: Float64Array,
  noise?: Float32Array,
  front = foreground,
  back = background,
): Tensor {
  return tensor(
    front.data.map(
      (value, index) =>
        value * weight[index % area]! +
        back.data[index]! * (1 - weight[index % area]!) +
        (noise?.[index] ?? 0),
    ),
    [1, 3, side, side],
  );
}

/** What the chain rule makes of the gradient at the composite: sum over channels, times I - B, adjoint of the upsampling. */
function maskGradient(
  gradient: Float32Array,
  factor: (pixel: number) => number,
  up: MaskResampling,
): Float64Array {
  const perPixel = new Float64Array(area);
  gradient.forEach((slope, index) => {
    perPixel[index % area]! += slope * (foreground.data[index]! - background.data[index]!);
  });
  return resampleAdjoint(
    up,
    perPixel.map((slope, pixel) => slope * factor(pixel)),
  );
}

/** Largest difference, as a share of the largest value expected. */
function error(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  const scale = Math.max(...Array.from(expected, Math.abs));
  return Math.max(...Array.from(expected, (value, index) => Math.abs(actual[index]! - value))) / scale;
}
const rounding = 2e-5;

describe("maskedProgram", () => {
  let model: GraphModel;
  beforeAll(() => {
    model = smallConvolutional(() => mersenne.normal(), { batchSize: 2 });
  });
  afterAll(() => model.close());
  const mersenne = mersenneStream(9);
  const program = (options: Partial<MaskedInput> = {}) => maskedProgram({ ...shape, resampling, ...options });
  const run = (options: Partial<MaskedInput>, batched: Record<string, Tensor>) =>
    model.run(
      program(options),
      { batched, shared: { foreground, background } },
      { target, score: "probability" },
    );

  it("scores what a composite made in JavaScript scores, over several batches", async () => {
    const mask = uniforms([3, 1, 4, 4]);
    const { scores } = await run({}, { mask });
    const images = [0, 1, 2].map((index) =>
      composite(resample(resampling, mask.data.subarray(index * 16, index * 16 + 16))),
    );
    expect(error(scores, await model.scores(concatBatch(images), target, "probability"))).toBeLessThan(
      rounding,
    );
  });

  it("gives the mask gradient of the chain rule along a path with noise", async () => {
    const mask = uniforms([3, 1, 4, 4]);
    const gain = tensor([0.25, 0.5, 1], [3, 1, 1, 1]);
    const noise = normals([3, 3, side, side]);
    const { outputs } = await run({ gain: true, noise: true, gradient: true }, { mask, gain, noise });
    const result = outputs["gradient:mask"]!;
    expect(result.dims).toEqual([3, 1, 4, 4]);
    for (const sample of [0, 1, 2]) {
      const alpha = gain.data[sample]!;
      const weight = resample(resampling, mask.data.subarray(sample * 16, sample * 16 + 16)).map(
        (value) => alpha * value,
      );
      const image = composite(weight, noise.data.subarray(sample * 3 * area, (sample + 1) * 3 * area));
      const { gradient } = await model.gradient(image, { target, score: "probability" });
      expect(
        error(
          result.data.subarray(sample * 16, sample * 16 + 16),
          maskGradient(gradient!.data, () => alpha, resampling),
        ),
      ).toBeLessThan(rounding);
    }
  });

  it("swaps the images with gain -1 and offset 1", async () => {
    const mask = uniforms([1, 1, 4, 4]);
    const one = (value: number): Tensor => tensor([value], [1, 1, 1, 1]);
    const { scores } = await run({ gain: true, offset: true }, { mask, gain: one(-1), offset: one(1) });
    const image = composite(resample(resampling, mask.data), undefined, background, foreground);
    expect(error(scores, await model.scores(image, target, "probability"))).toBeLessThan(rounding);
  });

  it("multiplies several masks after upsampling and differentiates each", async () => {
    const [mask, mask2] = [uniforms([1, 1, 4, 4]), uniforms([1, 1, 4, 4])];
    const { outputs } = await run({ masks: ["mask", "mask2"], gradient: true }, { mask, mask2 });
    const [first, second] = [resample(resampling, mask.data), resample(resampling, mask2.data)];
    const image = composite(first.map((value, pixel) => value * second[pixel]!));
    const { gradient } = await model.gradient(image, { target, score: "probability" });
    expect(
      error(
        outputs["gradient:mask"]!.data,
        maskGradient(gradient!.data, (pixel) => second[pixel]!, resampling),
      ),
    ).toBeLessThan(rounding);
    expect(
      error(
        outputs["gradient:mask2"]!.data,
        maskGradient(gradient!.data, (pixel) => first[pixel]!, resampling),
      ),
    ).toBeLessThan(rounding);
  });

  it("differentiates straight through a blur with a probe", async () => {
    const mask = uniforms([1, 1, 4, 4]);
    const soft = blurred(resampling, 2);
    const probe = tensor(new Float32Array(16), [1, 1, 4, 4]);
    const { outputs } = await run({ resampling: soft, probe: resampling, gradient: true }, { mask, probe });
    const { gradient } = await model.gradient(composite(resample(soft, mask.data)), {
      target,
      score: "probability",
    });
    expect(
      error(
        outputs["gradient:probe"]!.data,
        maskGradient(gradient!.data, () => 1, resampling),
      ),
    ).toBeLessThan(rounding);
    expect(
      error(
        outputs["gradient:mask"]!.data,
        maskGradient(gradient!.data, () => 1, soft),
      ),
    ).toBeLessThan(rounding);
  });

  it("takes masks of full size, and images of one's own for each sample over zero", async () => {
    const same = maskResampling("half-pixel", { height: side, width: side }, { height: side, width: side });
    const mask = uniforms([2, 1, side, side]);
    const images = normals([2, 3, side, side]);
    const { scores } = await model.run(
      maskedProgram({ ...shape, resampling: same, foreground: "batched", background: "zero" }),
      { batched: { mask, foreground: images } },
      { target, score: "probability" },
    );
    const product = images.data.map(
      (value, index) => value * mask.data[Math.floor(index / (3 * area)) * area + (index % area)]!,
    );
    expect(
      error(scores, await model.scores(tensor(product, [2, 3, side, side]), target, "probability")),
    ).toBeLessThan(rounding);
  });

  it("takes matrices of its own for each sample", async () => {
    const fed = { kind: "fed", maskHeight: 4, maskWidth: 4 } as const;
    const mask = uniforms([2, 1, 4, 4]);
    const rows = uniforms([2, 1, side, 4]);
    const columns = uniforms([2, 1, 4, side]);
    const { scores } = await run({ resampling: fed }, { mask, rows, columns });
    const images = [0, 1].map((sample) => {
      const weight = new Float64Array(area);
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          for (let i = 0; i < 4; i++) {
            for (let j = 0; j < 4; j++) {
              weight[y * side + x]! +=
                rows.data[(sample * side + y) * 4 + i]! *
                mask.data[sample * 16 + i * 4 + j]! *
                columns.data[(sample * 4 + j) * side + x]!;
            }
          }
        }
      }
      return composite(weight);
    });
    expect(error(scores, await model.scores(concatBatch(images), target, "probability"))).toBeLessThan(
      rounding,
    );
  });

  it("has the same key for equal graphs and another one for every difference", () => {
    const keys = [
      {},
      { gain: true },
      { noise: true },
      { gradient: true },
      { background: "zero" as const },
      { masks: ["a", "b"] },
      { resampling: maskResampling("align-corners", { height: 4, width: 4 }, { height: side, width: side }) },
      { probe: resampling },
    ].map((options) => program(options).key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(program({}).key).toBe(keys[0]);
  });
});
