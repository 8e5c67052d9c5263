import { defineMetric } from "./define-metric.ts";
import { removalCurve, removalParams } from "./removal-curves.ts";

/** How fast the score rises when the most salient pixels are put back first. Higher is better. */
export const insertion = defineMetric({
  name: "insertion",
  title: "Insertion",
  direction: "higher",
  isPercent: true,
  aggregate: "mean",
  paper: { authors: "Petsiuk, Das and Saenko", year: 2018, url: "https://arxiv.org/abs/1806.07421" },
  summary: "Area under the score while the most salient pixels return to a blurred copy.",
  params: removalParams,
  async evaluate(context) {
    const { area, curve, tieFraction, stepCount } = await removalCurve(context, "insertion");
    return { score: area, curve, details: { tieFraction, stepCount } };
  },
});
