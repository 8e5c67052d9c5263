import { z } from "zod";
import { gaussianBlur } from "../image/gaussian-blur.ts";
import type { Grid } from "../image/saliency-map.ts";
import { upsampleBilinear } from "../image/upsample.ts";
import { tensor } from "../tensor/tensor.ts";
import { defineMetric, type TargetRegion } from "./define-metric.ts";
import { isNear, maximalPixels, requireRegion, sourcePixel } from "./target-region.ts";

const params = z.strictObject({
  protocol: z
    .enum(["paper", "torchray"])
    .default("paper")
    .describe(
      "paper: maximum at input size, tolerance 0; torchray: maximum at photograph size, tolerance 15 pixels",
    ),
  tolerance: z
    .number()
    .min(0)
    .optional()
    .describe(
      "photograph pixels between maximum and region that still count; default 0 (paper) or 15 (torchray)",
    ),
  ties: z
    .enum(["first", "expected", "centroid"])
    .default("first")
    .describe(
      "which of several maximal pixels is the point: the first in raster order, each with its share, or their mean",
    ),
  smoothing: z
    .number()
    .min(0)
    .default(0)
    .describe(
      "sigma of a Gaussian before the maximum, as a share of the longer side; torchray takes 0.02 for gradients",
    ),
});

/**
 * Whether the most salient pixel lies on the target: 1 or 0, or a fraction with `ties: "expected"`. The
 * table value is the mean over the classes of each class's mean. A constant map counts as a miss.
 */
export const pointingGame = defineMetric({
  name: "pointing-game",
  title: "Pointing game",
  direction: "higher",
  isPercent: true,
  aggregate: "mean-over-classes",
  paper: { authors: "Zhang et al.", year: 2016, url: "https://arxiv.org/abs/1608.00507" },
  summary: "Share of maps whose most salient pixel lies on the target, averaged over classes.",
  needs: "region",
  params,
  async evaluate(context) {
    const { protocol, smoothing, ties } = context.params;
    const region = requireRegion(context, "pointing-game");
    const tolerance = context.params.tolerance ?? (protocol === "torchray" ? 15 : 0);
    const smooth = smoothing === 0 ? context.map : blurred(context.map, smoothing);
    const map = protocol === "torchray" ? upsampleBilinear(smooth, ...seenSize(region)) : smooth;
    const maxima = maximalPixels(map);
    const isDegenerate = maxima.length === map.values.length;
    const hits = (index: number): boolean => {
      const pixel = sourcePixel(region, map, index % map.width, Math.floor(index / map.width));
      return pixel !== undefined && isNear(region, ...pixel, tolerance);
    };
    const points =
      ties === "first" ? maxima.slice(0, 1) : ties === "centroid" ? [centroid(maxima, map)] : maxima;
    const score = isDegenerate ? 0 : points.filter(hits).length / points.length;
    return { score, details: { maximumCount: maxima.length, isDegenerate } };
  },
});

function seenSize(region: TargetRegion): readonly [width: number, height: number] {
  const seen = region.placement?.region ?? region;
  return [Math.max(1, Math.round(seen.width)), Math.max(1, Math.round(seen.height))];
}

function blurred(map: Grid, share: number): Grid {
  const sigma = share * Math.max(map.width, map.height);
  const size = 2 * Math.ceil(4 * sigma) + 1;
  const image = tensor(map.values, [1, 1, map.height, map.width]);
  return { ...map, values: gaussianBlur(image, { size, sigma, border: "edge" }).data };
}

function centroid(indices: readonly number[], map: Grid): number {
  const mean = (pick: (index: number) => number): number =>
    Math.round(indices.reduce((sum, index) => sum + pick(index), 0) / indices.length);
  return mean((index) => Math.floor(index / map.width)) * map.width + mean((index) => index % map.width);
}
