import { z } from "zod";
import { felzenszwalb } from "../../image/felzenszwalb.ts";
import { quickshift } from "../../image/quickshift.ts";
import type { DegenerateReason, SaliencyMap } from "../../image/saliency-map.ts";
import type { Segmentation } from "../../image/segmentation.ts";
import { slic } from "../../image/slic.ts";
import type { RandomStream } from "../../random/random-stream.ts";
import { filled, type Tensor } from "../../tensor/tensor.ts";
import { filledImage, fills } from "../baseline.ts";
import { runSamples } from "../batched-runs.ts";
import { defineMethod } from "../define-method.ts";
import { pixelImageOf } from "./pixel-image.ts";
import { columnsOf, selectFeatures, type LocalSamples } from "./select-features.ts";
import { labelsFeed, segmentProgram, shownFeed } from "./segment-program.ts";
import { weightedRidge } from "./weighted-ridge.ts";

const params = z.strictObject({
  samples: z
    .int()
    .min(2)
    .max(1_000_000)
    .default(1000)
    .describe("number of images with random segments hidden; 1000 as the authors' program"),
  segments: z
    .enum(["slic", "quickshift", "felzenszwalb"])
    .default("slic")
    .describe(
      "what cuts the image into segments; SLIC is fast and the same for every seed, quickshift is the authors'",
    ),
  segmentCount: z
    .int()
    .min(1)
    .max(10_000)
    .default(50)
    .describe("wished number of SLIC segments; 50, the size of quickshift's on photographs"),
  hide: z
    .enum(["segment-mean", ...fills])
    .default("segment-mean")
    .describe("what a hidden segment shows; its own mean colour, as the authors' program"),
  kernelWidth: z
    .number()
    .gt(0)
    .max(100)
    .default(0.25)
    .describe("how fast weights fall with the share of hidden segments; 0.25 as the authors' program"),
  alpha: z
    .number()
    .gt(0)
    .max(1e6)
    .default(1)
    .describe("strength of the ridge penalty; 1 as the authors' program"),
  features: z.int().min(1).optional().describe("use only so many segments in the linear model; default: all"),
  score: z
    .enum(["probability", "logit"])
    .default("probability")
    .describe("what the linear model is fitted to; the probability, as in the paper"),
});
type LimeParams = z.output<typeof params>;

/**
 * LIME for images: a weighted ridge regression of the score on which segments are shown; each pixel gets the coefficient of
 * its segment. Reference: `marcotcr/lime: lime/lime_image.py, lime_base.py`; deviations: SLIC segments by
 * default, mean colours in float. `details` has the intercept, the weighted R^2, the prediction for the whole image and the
 * coefficients.
 */
export const lime = defineMethod({
  name: "lime",
  title: "LIME",
  family: "region",
  needs: "forward",
  paper: { authors: "Ribeiro et al.", year: 2016, url: "https://arxiv.org/abs/1602.04938" },
  summary:
    "A linear model of the score around the image, in terms of which segments are shown; works with any network.",
  params,
  cost: ({ samples }) => ({ f: samples, fb: 0 }),
  async explain({ model, input, target, params, random, signal, stop, report }) {
    const { labels, count: width } = segmentsOf(
      pixelImageOf(input, model.normalization),
      params,
      random("segments"),
    );
    const features = randomSamples(params.samples, width, (index) => random(index));
    const targets = new Float64Array(params.samples);
    let done = 0;
    const map = (): SaliencyMap => {
      const samples = {
        features: features.subarray(0, done * width),
        width,
        targets: targets.subarray(0, done),
      };
      return limeMap(
        { ...samples, weights: kernelWeights(samples.features, width, params.kernelWidth) },
        labels,
        params,
        model,
      );
    };
    await runSamples({
      model,
      program: segmentProgram(model, width),
      count: params.samples,
      feeds: (start, end) => ({ shown: shownFeed(features.subarray(start * width, end * width), width) }),
      shared: {
        labels: labelsFeed(labels),
        foreground: input,
        background:
          params.hide === "segment-mean"
            ? segmentMeans(input, labels, width)
            : filledImage(params.hide, input, model.normalization),
      },
      target,
      score: params.score,
      onBatch(start, scores) {
        targets.set(scores, start);
        done = start + scores.length;
        report({ done, total: params.samples, map });
      },
      signal,
      stop,
    });
    return map();
  },
});

function segmentsOf(
  image: Tensor,
  { segments, segmentCount }: LimeParams,
  random: RandomStream,
): Segmentation {
  switch (segments) {
    case "slic":
      return slic(image, { segmentCount });
    case "quickshift":
      return quickshift(image, { random });
    default:
      // scikit-image's defaults, which LIME's users know.
      return felzenszwalb(image, { scales: [1], sigma: 0.8, minSize: 20 })[0]!;
  }
}

/** Zeros and ones `[count, width]`; sample 0 shows everything, each later entry is 1 with probability 1/2. */
function randomSamples(count: number, width: number, stream: (index: number) => RandomStream): Uint8Array {
  const result = new Uint8Array(count * width).fill(1, 0, width);
  for (let sample = 1; sample < count; sample++) {
    const random = stream(sample);
    for (let segment = 0; segment < width; segment++)
      result[sample * width + segment] = random.uniform() < 0.5 ? 1 : 0;
  }
  return result;
}

/** sqrt(exp(-d^2 / kernelWidth^2)) with d = 1 - cos(z, 1); d = 1 where nothing is shown. */
function kernelWeights(features: Uint8Array, width: number, kernelWidth: number): Float64Array {
  return Float64Array.from({ length: features.length / width }, (_, sample) => {
    let shown = 0;
    for (let segment = 0; segment < width; segment++) shown += features[sample * width + segment]!;
    const distance = 1 - Math.sqrt(shown / width);
    return Math.sqrt(Math.exp(-(distance * distance) / (kernelWidth * kernelWidth)));
  });
}

/** Every pixel replaced by the mean of its segment, channel by channel. */
function segmentMeans(input: Tensor, labels: Int32Array, count: number): Tensor {
  const result = filled(input.dims);
  const area = labels.length;
  const sizes = new Int32Array(count);
  for (const label of labels) sizes[label]! += 1;
  for (let start = 0; start < input.data.length; start += area) {
    const sums = new Float64Array(count);
    labels.forEach((label, pixel) => (sums[label]! += input.data[start + pixel]!));
    labels.forEach((label, pixel) => (result.data[start + pixel] = sums[label]! / sizes[label]!));
  }
  return result;
}

function limeMap(
  samples: LocalSamples,
  labels: Int32Array,
  { alpha, features, samples: wanted }: LimeParams,
  { height, width }: { readonly height: number; readonly width: number },
): SaliencyMap {
  const chosen = selectFeatures(samples, features ?? Infinity);
  const fit = weightedRidge(
    columnsOf(samples, chosen),
    chosen.length,
    samples.targets,
    samples.weights,
    alpha,
  );
  const coefficients = new Float64Array(samples.width);
  chosen.forEach((segment, index) => (coefficients[segment] = fit.coefficients[index]!));
  const degenerate = limeDegenerate(coefficients);
  return {
    width,
    height,
    values: Float32Array.from(labels, (label) => coefficients[label]!),
    isSigned: true,
    ...(degenerate && { degenerate }),
    details: {
      segmentCount: samples.width,
      intercept: fit.intercept,
      rSquared: fit.score,
      localPrediction: fit.intercept + fit.coefficients.reduce((sum, value) => sum + value, 0),
      coefficients: [...coefficients],
      ...(samples.targets.length < wanted && { samples: samples.targets.length }),
    },
  };
}

function limeDegenerate(coefficients: Float64Array): DegenerateReason | undefined {
  const [first] = coefficients;
  if (!coefficients.every((value) => value === first)) return undefined;
  return coefficients.length === 1
    ? {
        code: "constant",
        message: "The whole image is one segment. Use a larger segmentCount, or an image with some contrast.",
      }
    : {
        code: "constant",
        message:
          "All segments have the same coefficient: the score does not change with them. Explain another class.",
      };
}
