import { z } from "zod";
import { DataError } from "../../errors.ts";
import { dilatedSegments } from "../../image/dilate.ts";
import { felzenszwalb } from "../../image/felzenszwalb.ts";
import { valueRange } from "../../image/min-max.ts";
import { resizeTensor } from "../../image/resize.ts";
import { relabel, type Segmentation } from "../../image/segmentation.ts";
import { slicScales } from "../../image/slic.ts";
import type { DegenerateReason } from "../../image/saliency-map.ts";
import { filled, tensor, type Tensor } from "../../tensor/tensor.ts";
import { filledImage } from "../baseline.ts";
import { defineMethod, type MethodContext } from "../define-method.ts";
import { integrateGradients } from "../gradient/integrated-gradients.ts";
import { quadratureRules } from "../gradient/quadrature.ts";
import { pixelImageOf } from "./pixel-image.ts";
import { rankRegions } from "./rank-regions.ts";

const slicCounts = [50, 100, 150, 250, 500];
const felzenszwalbScales = [50, 100, 150, 250, 500, 1200];

const params = z.strictObject({
  segments: z
    .enum(["slic", "felzenszwalb"])
    .default("slic")
    .describe(
      "what cuts the image into segments; SLIC as in the paper on activation maps, felzenszwalb as in the original XRAI",
    ),
  scales: z
    .array(z.int().min(1).max(1_000_000))
    .min(1)
    .optional()
    .describe(
      "numbers of segments (SLIC: 50,100,150,250,500) or scales (Felzenszwalb: 50,100,150,250,500,1200)",
    ),
  mode: z.enum(["full", "fast"]).default("full").describe("rank again after every pick, or once"),
  steps: z
    .int()
    .min(1)
    .max(500)
    .default(100)
    .describe("points on each path of integrated gradients; 100 as the original"),
  rule: z
    .enum(quadratureRules)
    .default("gauss-legendre")
    .describe("quadrature rule of the path; pair for parity with the original"),
  baselines: z
    .enum(["black-and-white", "range"])
    .default("black-and-white")
    .describe(
      "where the two paths begin: black and white pixels, or the smallest and largest value of the input as the original",
    ),
  channels: z
    .enum(["max", "sum"])
    .default("max")
    .describe("how channels become one value a pixel; the maximum as the original, the sum keeps the total"),
  dilation: z
    .int()
    .min(0)
    .max(50)
    .default(5)
    .describe("radius in pixels by which segments are enlarged; 5 as the original"),
  minPixelDiff: z
    .int()
    .min(0)
    .default(50)
    .describe("segments with fewer new pixels are left out; 50 as the original"),
  areaThreshold: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe("share of the image after which ranking stops; 1 ranks everything"),
});
type XraiParams = z.output<typeof params>;

/**
 * XRAI: integrated gradients (of the logit, black and white baselines) summed over segments of several scales, which are
 * ranked greedily by the mean attribution of what they add. The map is signed and constant on regions.
 * Reference: `PAIR-code/saliency: saliency/core/xrai.py`; deviations: SLIC by default, Gauss-Legendre points, baselines in
 * pixel space, ties by the lower index. No network evaluation after the gradients.
 */
export const xrai = defineMethod({
  name: "xrai",
  title: "XRAI",
  family: "region",
  needs: "gradients",
  paper: { authors: "Kapishnikov et al.", year: 2019, url: "https://arxiv.org/abs/1906.02825" },
  summary: "Whole segments of the image, ranked by their integrated gradients.",
  params,
  cost: ({ steps }) => ({ f: 0, fb: 2 * steps }),
  async explain(context) {
    const { input, model, params } = context;
    const attribution = await pixelAttribution(context);
    const image = pixelImageOf(input, model.normalization);
    const segmentations = segmentationsOf(image, params);
    const segments = segmentations.flatMap((segmentation) => dilatedSegments(segmentation, params.dilation));
    const { values, picks } = rankRegions({ ...params, attribution, segments });
    const degenerate = xraiDegenerate(values);
    return {
      width: model.width,
      height: model.height,
      values,
      isSigned: true,
      ...(degenerate && { degenerate }),
      details: { segmentCounts: segmentations.map(({ count }) => count), regions: picks.length },
    };
  },
});

/** Integrated gradients, averaged over the two baselines, then one value a pixel. */
async function pixelAttribution({
  model,
  input,
  target,
  params,
  signal,
  report,
}: MethodContext<XraiParams>): Promise<Float64Array> {
  const { steps, rule } = params;
  const baselines = baselinePair(params.baselines, input, model.normalization);
  const total = steps * baselines.length;
  const mean = new Float64Array(input.data.length);
  for (const [index, baseline] of baselines.entries()) {
    const onStep = (done: number): void => report({ done: index * steps + done, total });
    const values = await integrateGradients({
      model,
      input,
      baseline,
      target,
      score: "logit",
      rule,
      steps,
      signal,
      onStep,
    });
    values.forEach((value, element) => (mean[element]! += value / baselines.length));
  }
  const area = model.height * model.width;
  const result = new Float64Array(area).fill(params.channels === "max" ? -Infinity : 0);
  for (let element = 0; element < mean.length; element++) {
    const pixel = element % area;
    const value = mean[element]!;
    result[pixel] = params.channels === "max" ? Math.max(result[pixel]!, value) : result[pixel]! + value;
  }
  if (result.every(Number.isFinite)) return result;
  throw new DataError(
    "xrai: expected finite gradients, got others: the network overflows on this image. Check the preprocessing and the precision of the model.",
  );
}

function baselinePair(
  kind: XraiParams["baselines"],
  input: Tensor,
  normalization: Parameters<typeof filledImage>[2],
): readonly Tensor[] {
  if (kind === "black-and-white")
    return [filledImage("black", input, normalization), filledImage("white", input, normalization)];
  const { min, max } = valueRange(input.data);
  return [filled(input.dims, min), filled(input.dims, max)];
}

function segmentationsOf(image: Tensor, { segments, scales }: XraiParams): readonly Segmentation[] {
  if (segments === "slic") return slicScales(image, scales ?? slicCounts);
  const size = felzenszwalbSize;
  const small = scaledToUnit(resizeTensor(image, size, size, { filter: "bicubic" }));
  const [height = 1, width = 1] = image.dims.slice(-2);
  return felzenszwalb(small, { scales: scales ?? felzenszwalbScales }).map((segmentation) =>
    enlarged(segmentation, width, height),
  );
}

// The original's scales are meant for this size.
const felzenszwalbSize = 224;

/** Scales to -1..1 over all channels; a constant image becomes 0. */
function scaledToUnit(image: Tensor): Tensor {
  const { min, max } = valueRange(image.data);
  return tensor(
    image.data.map((value) => (max > min ? (2 * (value - min)) / (max - min) - 1 : 0)),
    image.dims,
  );
}

/** Labels at another size, by the nearest neighbour. */
function enlarged(segmentation: Segmentation, width: number, height: number): Segmentation {
  if (segmentation.width === width && segmentation.height === height) return segmentation;
  const labels = new Int32Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * segmentation.height) / height) * segmentation.width;
    for (let x = 0; x < width; x++)
      labels[y * width + x] =
        segmentation.labels[row + Math.floor(((x + 0.5) * segmentation.width) / width)]!;
  }
  return relabel(labels, width, height);
}

function xraiDegenerate(values: Float32Array): DegenerateReason | undefined {
  const [first] = values;
  if (!values.every((value) => value === first)) return undefined;
  return first === 0
    ? {
        code: "zero-gradient",
        message:
          "The gradient is zero on the whole path from black and white to the image. Use a forward-only method such as rise.",
      }
    : {
        code: "constant",
        message:
          "No segment is large enough to be ranked, so all pixels have the mean. Use a smaller minPixelDiff or fewer segments.",
      };
}
