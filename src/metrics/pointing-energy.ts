import { z } from "zod";
import { defineMetric } from "./define-metric.ts";
import { energyInside, requireRegion } from "./target-region.ts";

/** The energy variant of the pointing game: the share of the positive saliency that lies on the target. */
export const pointingEnergy = defineMetric({
  name: "pointing-energy",
  title: "Energy-based pointing game",
  direction: "higher",
  isPercent: true,
  aggregate: "mean",
  paper: { authors: "Wang et al.", year: 2020, url: "https://arxiv.org/abs/1910.01279" },
  summary: "Share of the positive saliency that lies on the target.",
  needs: "region",
  params: z.strictObject({}),
  async evaluate(context) {
    const energy = energyInside(requireRegion(context, "pointing-energy"), context.map);
    return { score: energy ?? 0, details: { isDegenerate: energy === null } };
  },
});
