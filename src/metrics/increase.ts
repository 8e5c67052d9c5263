import { defineMetric } from "./define-metric.ts";
import { maskedConfidence, maskedConfidenceParams } from "./masked-confidence.ts";

/** 1 where the masked photograph scores higher than the whole one; the mean is the increase in confidence. */
export const increase = defineMetric({
  name: "increase",
  title: "Increase in confidence",
  direction: "higher",
  isPercent: true,
  aggregate: "mean",
  paper: { authors: "Chattopadhyay et al.", year: 2018, url: "https://arxiv.org/abs/1710.11063" },
  summary: "Share of images whose confidence rises when the map masks them.",
  params: maskedConfidenceParams,
  async evaluate(context) {
    const { whole, masked, isDegenerate } = await maskedConfidence(context);
    return { score: masked > whole ? 1 : 0, details: { whole, masked, isDegenerate } };
  },
});
