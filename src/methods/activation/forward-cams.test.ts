import { afterAll, describe, expect, it } from "vitest";
import { methodContext } from "../../../tests/support/method-context.ts";
import {
  convolution,
  pooledClassifier,
  randomTensor,
  smallConvolutionalModel,
  smallModel,
} from "../../../tests/support/small-model.ts";
import { valueRange } from "../../image/min-max.ts";
import { upsampleBilinear, type Upsampling } from "../../image/upsample.ts";
import { tensor } from "../../tensor/tensor.ts";
import { ablationCam } from "./ablation-cam.ts";
import { scoreCam } from "./score-cam.ts";

const model = smallConvolutionalModel({ batchSize: 4 });
const input = randomTensor([1, 3, 16, 16], 1, 9);
const layer = model.defaultLayer;
const area = layer.height * layer.width;
const target = { index: 3 };
afterAll(() => model.close());

/** Score-CAM as it is defined: one masked image after the other, built in full. */
async function straightforward(
  kind: "probability" | "logit",
  mode: Upsampling,
): Promise<{ activations: Float32Array; scores: number[] }> {
  const [activations] = await model.activations(input, [layer.name]);
  const scores: number[] = [];
  for (let channel = 0; channel < layer.channels; channel++) {
    const values = activations!.data.subarray(channel * area, (channel + 1) * area);
    const mask = upsampleBilinear({ width: layer.width, height: layer.height, values }, 16, 16, mode).values;
    const { min, max } = valueRange(mask);
    const masked = input.data.map((value, index) => (value * (mask[index % 256]! - min)) / (max - min));
    scores.push((await model.scores(tensor(masked, input.dims), target, kind))[0]!);
  }
  return { activations: activations!.data, scores };
}
function combined(activations: Float32Array, weights: readonly number[]): unknown[] {
  return Array.from({ length: area }, (_, place) => {
    const sum = weights.reduce(
      (total, weight, channel) => total + weight * activations[channel * area + place]!,
      0,
    );
    return expect.closeTo(sum, 4) as unknown;
  });
}
function softmax(values: readonly number[]): number[] {
  const exponentials = values.map((value) => Math.exp(value));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / sum);
}
const nativeOf = async (params: Record<string, unknown>) => [
  ...(await scoreCam.explain(methodContext(scoreCam, model, input, { params, target }))).native!.values,
];

describe("Score-CAM", () => {
  it("weights channels with probabilities", async () => {
    const { activations, scores } = await straightforward("probability", "half-pixel");
    expect(await nativeOf({})).toEqual(combined(activations, scores));
  });
  it("in the paper's reading takes the softmax of the rise over the mean-coloured image", async () => {
    const { activations, scores } = await straightforward("probability", "half-pixel");
    const [empty] = await model.scores(tensor(new Float32Array(768), input.dims), target, "probability");
    expect(await nativeOf({ variant: "paper" })).toEqual(
      combined(activations, softmax(scores.map((score) => score - empty!))),
    );
  });
  it("in the other reading takes the softmax of logits under masks with aligned corners", async () => {
    const { activations, scores } = await straightforward("logit", "align-corners");
    expect(await nativeOf({ variant: "logit-softmax" })).toEqual(combined(activations, softmax(scores)));
  });
  it("keeps the channels of the largest variance", async () => {
    const few = await scoreCam.explain(
      methodContext(scoreCam, model, input, { params: { channels: 2 }, target }),
    );
    expect(few.details).toMatchObject({ channelsUsed: 2 });
  });
  it("skips flat channels, and sums the others where the score ignores the image", async () => {
    // Channel 1 is the constant 0.7; the classifier has no weights, so every score is 1/2.
    const blind = smallModel([1, 6, 6], (g, x) => {
      const features = g.unary("Relu", convolution(g, x, tensor([1, 0, 2], [3, 1, 1, 1]), [0, 0.7, 0]));
      return pooledClassifier(g, features, tensor(new Float32Array(6), [2, 3]));
    });
    const image = randomTensor([1, 1, 6, 6], 1, 4);
    const map = await scoreCam.explain(methodContext(scoreCam, blind, image));
    await blind.close();
    expect(map.details).toMatchObject({ channelsUsed: 2, channelsFlat: 1 });
    const expected = Array.from(
      image.data,
      (value) => expect.closeTo((3 * Math.max(value, 0)) / 2, 5) as unknown,
    );
    expect([...map.values]).toEqual(expected);
  });
});

describe("Ablation-CAM", () => {
  it("on pooling and a linear layer weights a channel with its share of the logit", async () => {
    const classifier = randomTensor([5, 6], 0.3, 3);
    const [activations] = await model.activations(input, [layer.name]);
    const [logit] = await model.scores(input, target, "logit");
    const weights = Array.from({ length: 6 }, (_, channel) => {
      const mean =
        activations!.data
          .subarray(channel * area, (channel + 1) * area)
          .reduce((sum, value) => sum + value, 0) / area;
      return (classifier.data[target.index * 6 + channel]! * mean) / Math.abs(logit!);
    });
    const map = await ablationCam.explain(methodContext(ablationCam, model, input, { target }));
    expect([...map.native!.values]).toEqual(combined(activations!.data, weights));
  });
  it("says when the score is too near 0 to divide by", async () => {
    const zero = smallModel([1, 4, 4], (g, x) =>
      pooledClassifier(
        g,
        g.unary("Relu", convolution(g, x, tensor([1, -1], [2, 1, 1, 1]))),
        tensor([1, -1, 0, 0], [2, 2]),
      ),
    );
    const map = await ablationCam.explain(
      methodContext(
        ablationCam,
        zero,
        tensor([1, -1, 2, -2, 0, 0, 0, 0, 3, -3, 0, 0, 0, 0, 0, 0], [1, 1, 4, 4]),
      ),
    );
    await zero.close();
    expect(map.degenerate?.code).toBe("score-near-zero");
    expect(map.values.every(Number.isFinite)).toBe(true);
  });
});
