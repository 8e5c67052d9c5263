import { defineMetric } from "./define-metric.ts";
import { removalCurve, removalParams } from "./removal-curves.ts";

/** How fast the score falls when the most salient pixels are replaced first. Lower is better. */
export const deletion = defineMetric({
  name: "deletion",
  title: "Deletion",
  direction: "lower",
  isPercent: true,
  aggregate: "mean",
  paper: { authors: "Petsiuk, Das and Saenko", year: 2018, url: "https://arxiv.org/abs/1806.07421" },
  summary: "Area under the score while the most salient pixels are replaced by a blurred copy.",
  params: removalParams,
  async evaluate(context) {
    const { area, curve, tieFraction, stepCount } = await removalCurve(context, "deletion");
    return { score: area, curve, details: { tieFraction, stepCount } };
  },
});
