import { z } from "zod";
import { extentOf } from "../../image/extent.ts";
import type { SaliencyMap } from "../../image/saliency-map.ts";
import type { ScoreKind } from "../../runtime/model.ts";
import { tensor, type Tensor } from "../../tensor/tensor.ts";
import { zeroGradient } from "../zero-gradient.ts";

const reductions = ["max-abs", "sum-abs", "sum", "mean-abs", "l2"] as const;

/** How the channels of an attribution become one value a pixel. Only `sum` keeps the sign. */
export type ChannelReduction = (typeof reductions)[number];

/** The parameter `reduce` of the methods that attribute to every channel of every pixel. */
export function reduceParameter(
  fallback: ChannelReduction,
  reason: string,
): z.ZodDefault<z.ZodEnum<{ [K in ChannelReduction]: K }>> {
  return z
    .enum(reductions)
    .default(fallback)
    .describe(`how the channels become one value a pixel; ${reason}`);
}

/** Reduces an attribution, channel by channel (any float array), to one value a place. Sums in float64. */
export function reduceChannels(
  values: Float32Array | Float64Array,
  channels: number,
  reduction: ChannelReduction,
): Float32Array {
  const area = values.length / channels;
  const result = new Float32Array(area);
  for (let pixel = 0; pixel < area; pixel++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) {
      const value = values[channel * area + pixel] ?? 0;
      switch (reduction) {
        case "max-abs":
          sum = Math.max(sum, Math.abs(value));
          break;
        case "sum-abs":
        case "mean-abs":
          sum += Math.abs(value);
          break;
        case "sum":
          sum += value;
          break;
        case "l2":
          sum += value * value;
          break;
      }
    }
    if (reduction === "mean-abs") sum /= channels;
    if (reduction === "l2") sum = Math.sqrt(sum);
    result[pixel] = sum;
  }
  return result;
}

/** The saliency map of an attribution `[C, H, W]` (of a volume `[C, D, H, W]`), with the attribution itself and a reason if it is zero or not finite. `score` is what was differentiated. */
export function attributionMap(
  values: Float32Array | Float64Array,
  dims: readonly number[],
  reduction: ChannelReduction,
  details?: Readonly<Record<string, unknown>>,
  score?: ScoreKind,
): SaliencyMap {
  const attribution: Tensor = tensor(
    values instanceof Float32Array ? values : Float32Array.from(values),
    dims,
  );
  const [channels = 1, ...space] = dims;
  const [width = 1, height = 1, depth] = space.toReversed();
  const degenerate = degenerateAttribution(attribution.data, score);
  return {
    ...extentOf({ depth, height, width }),
    values: reduceChannels(values, channels, reduction),
    attribution,
    isSigned: reduction === "sum",
    ...(degenerate && { degenerate }),
    ...(details && { details }),
  };
}

function degenerateAttribution(
  values: Float32Array,
  score: ScoreKind | undefined,
): SaliencyMap["degenerate"] {
  let isZero = true;
  for (const value of values) {
    if (!Number.isFinite(value)) {
      return {
        code: "non-finite",
        message:
          "The attribution holds values that are not finite: the network overflows on this image. Check the preprocessing and the precision of the model.",
      };
    }
    if (value !== 0) isZero = false;
  }
  return isZero ? zeroGradient("the image", score) : undefined;
}
