import { z } from "zod";
import { throwIfAborted } from "../errors.ts";
import { concatBatch, type Tensor } from "../tensor/tensor.ts";
import { defineMetric, type MetricContext } from "./define-metric.ts";
import { imputeLinearly } from "./linear-imputation.ts";
import { orderDescending } from "./rank.ts";

const params = z.strictObject({
  fractions: z
    .array(z.number().gt(0).lt(1))
    .min(1)
    .default([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    .describe("shares of the pixels that are removed"),
  noise: z
    .number()
    .min(0)
    .default(0.01)
    .describe("standard deviation of the noise on removed pixels, in input space"),
});

/**
 * Remove and debias: pixels are replaced by noisy linear imputation, most salient first and least salient first. The
 * score is the mean over the fractions of (probability with the least salient removed) minus (with the most salient
 * removed): higher is better, 0 for a random map in expectation. The curve is the one with the most salient removed.
 */
export const road = defineMetric({
  name: "road",
  title: "ROAD",
  direction: "higher",
  isPercent: true,
  aggregate: "mean",
  paper: { authors: "Rong et al.", year: 2022, url: "https://arxiv.org/abs/2202.00449" },
  summary:
    "Probability left after removing the least salient pixels, minus after removing the most salient, imputed without traces.",
  params,
  async evaluate(context) {
    const { fractions } = context.params;
    const order = context.mapMemo("road/order", () => orderDescending(context.map.values, "index"));
    const most = await removed(context, order);
    const least = await removed(context, order.slice().reverse());
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    return {
      score: mean(least) - mean(most),
      curve: { x: [...fractions], y: most },
      details: { leastSalientRemoved: least },
    };
  },
});

async function removed(
  context: MetricContext<{ fractions: number[]; noise: number }>,
  order: Uint32Array,
): Promise<number[]> {
  const { model, input, target, params, signal } = context;
  const images: Tensor[] = [];
  for (const fraction of params.fractions) {
    throwIfAborted(signal);
    const isRemoved = new Uint8Array(order.length);
    for (const pixel of order.subarray(0, Math.round(fraction * order.length))) isRemoved[pixel] = 1;
    images.push(imputeLinearly(input, isRemoved, params.noise, context.random("road", String(fraction))));
  }
  return [...(await model.scores(concatBatch(images), target, "probability", { signal }))];
}
