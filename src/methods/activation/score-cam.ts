import { z } from "zod";
import { assert, throwIfAborted } from "../../errors.ts";
import { valueRange } from "../../image/min-max.ts";
import { upsampleBilinear, type Upsampling } from "../../image/upsample.ts";
import { maskedProgram } from "../../runtime/masked-input.ts";
import { maskResampling } from "../../runtime/mask-resampling.ts";
import type { Layer, Model, ScoreKind } from "../../runtime/model.ts";
import { filled, tensor } from "../../tensor/tensor.ts";
import { runSamples } from "../batched-runs.ts";
import { defineMethod } from "../define-method.ts";
import { chosenLayers, singleLayerParams } from "./cam-layer.ts";
import { camSaliency, layerMap } from "./cam-method.ts";
import { weightedSum } from "./cam-rule.ts";
import { channelsByVariance } from "./channels-by-variance.ts";

const variants = ["official", "paper", "logit-softmax"] as const;

/**
 * Score-CAM: each channel, upsampled and scaled to 0..1, masks the image (hidden parts become the mean colour); its weight
 * is the score of what is left. Channels that are flat after upsampling have no mask and no weight.
 * - `official` (`haofanwang/Score-CAM: cam/scorecam.py`): the weights are probabilities, as they are.
 * - `paper`: probabilities minus that of the mean-coloured image, then a softmax over the channels.
 * - `logit-softmax` (`jacobgil/pytorch-grad-cam`): logits, then a softmax; masks upsampled with aligned corners.
 *
 * Deviation: ReLU comes before upsampling as in all methods of the family; the same for activations that are not negative.
 */
export const scoreCam = defineMethod({
  name: "score-cam",
  title: "Score-CAM",
  family: "activation",
  needs: "activations",
  paper: { authors: "Wang et al.", year: 2020, url: "https://arxiv.org/abs/1910.01279" },
  summary:
    "Channels of the last layer, each weighted with the score of the image seen through it; no gradients.",
  params: z.strictObject({
    ...singleLayerParams,
    variant: z
      .enum(variants)
      .default("official")
      .describe("how weights come from scores; the authors' program, their text, or a widespread library"),
    channels: z
      .int()
      .min(1)
      .optional()
      .describe("use only so many channels, those of the largest variance, for speed; default: all"),
  }),
  cost: ({ channels = Infinity, variant }, { layerChannels }) => ({
    f: 1 + Math.min(channels, layerChannels) + (variant === "paper" ? 1 : 0),
    fb: 0,
  }),
  async explain({ model, input, target, params, signal, stop, report }) {
    const [layer] = chosenLayers(model, params);
    assert(layer !== undefined, "at least one layer");
    const [activations] = await model.activations(input, [layer.name], { signal });
    assert(activations !== undefined, `activations of layer '${layer.name}'`);
    throwIfAborted(signal);
    const upsampling = params.variant === "logit-softmax" ? "align-corners" : "half-pixel";
    const masks = channelMasks(activations.data, layer, model, upsampling, params.channels ?? layer.channels);
    const score: ScoreKind = params.variant === "logit-softmax" ? "logit" : "probability";
    const empty =
      params.variant === "paper"
        ? (await model.scores(filled(input.dims), target, score, { signal }))[0]!
        : 0;

    const scores: number[] = [];
    const map = () => {
      const weights = channelWeights(scores, masks, layer.channels, params.variant, empty);
      const facts = { channelsUsed: scores.length, channelsFlat: layer.channels - masks.flatless };
      const values = layerMap(
        layer,
        { activations: activations.data },
        weightedSum({ ...layer, activations: activations.data }, weights),
      );
      return camSaliency(model, [values], undefined, facts);
    };
    const area = layer.height * layer.width;
    await runSamples({
      model,
      program: maskedProgram({
        channels: model.channels,
        height: model.height,
        width: model.width,
        resampling: maskResampling(upsampling, layer, model),
        background: "zero",
      }),
      count: masks.channels.length,
      feeds: (start, end) => ({
        mask: tensor(masks.values.subarray(start * area, end * area), [
          end - start,
          1,
          layer.height,
          layer.width,
        ]),
      }),
      shared: { foreground: input },
      target,
      score,
      onBatch(_, batch) {
        scores.push(...batch);
        report({ done: scores.length, total: masks.channels.length, map });
      },
      signal,
      stop,
    });
    return map();
  },
});

/** Masks at the layer's resolution, one a channel that is not flat, the most varied channel first. */
interface ChannelMasks {
  readonly channels: readonly number[];
  readonly values: Float32Array;
  /** How many channels of the layer are not flat. */
  readonly flatless: number;
}

/**
 * Channels scaled so that, once upsampled, they run from 0 to 1. Upsampling is linear with weights that sum to 1, so
 * scaling the upsampled channel is scaling the channel.
 */
function channelMasks(
  activations: Float32Array,
  layer: Layer,
  { width, height }: Model,
  upsampling: Upsampling,
  limit: number,
): ChannelMasks {
  const area = layer.height * layer.width;
  const channels: number[] = [];
  const values: number[][] = [];
  let flatless = 0;
  for (const channel of channelsByVariance(activations, layer.channels)) {
    const own = activations.subarray(channel * area, (channel + 1) * area);
    const grid = { width: layer.width, height: layer.height, values: own };
    const { min, max } = valueRange(upsampleBilinear(grid, width, height, upsampling).values);
    if (!(max > min)) continue;
    flatless++;
    if (channels.length >= limit) continue;
    channels.push(channel);
    values.push(Array.from(own, (value) => (value - min) / (max - min)));
  }
  return { channels, values: Float32Array.from(values.flat()), flatless };
}

function channelWeights(
  scores: readonly number[],
  { channels }: ChannelMasks,
  count: number,
  variant: (typeof variants)[number],
  empty: number,
): Float64Array {
  const weights = new Float64Array(count);
  const raised = scores.map((score) => score - empty);
  const largest = Math.max(...raised);
  const exponentials = raised.map((value) => Math.exp(value - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  raised.forEach(
    (value, index) =>
      (weights[channels[index]!] = variant === "official" ? value : exponentials[index]! / sum),
  );
  return weights;
}
