import { z } from "zod";
import { defineMetric } from "./define-metric.ts";
import { energyInside, requireRegion } from "./target-region.ts";

/**
 * Localisation without annotations: on a mosaic of photographs of different classes, the share of the positive saliency
 * that lies in the cell of the explained class. A uniform map gets one over the number of cells. Needs a `mosaic` data set.
 */
export const gridPointingGame = defineMetric({
  name: "grid-pointing-game",
  title: "Grid pointing game",
  direction: "higher",
  isPercent: true,
  aggregate: "mean",
  paper: { authors: "Böhle, Fritz and Schiele", year: 2021, url: "https://arxiv.org/abs/2104.00032" },
  summary: "Share of the positive saliency in the right cell of a mosaic of classes.",
  needs: "region",
  params: z.strictObject({}),
  async evaluate(context) {
    const energy = energyInside(requireRegion(context, "grid-pointing-game"), context.map);
    return { score: energy ?? 0, details: { isDegenerate: energy === null } };
  },
});
