import { defineMetric } from "./define-metric.ts";
import { maskedConfidence, maskedConfidenceParams } from "./masked-confidence.ts";

/** Relative loss of confidence when only what the map keeps is shown: `max(0, Y - O) / Y`. Lower is better. */
export const averageDrop = defineMetric({
  name: "average-drop",
  title: "Average drop",
  direction: "lower",
  isPercent: true,
  aggregate: "mean",
  paper: { authors: "Chattopadhyay et al.", year: 2018, url: "https://arxiv.org/abs/1710.11063" },
  summary: "How much confidence is lost, relative to the whole photograph, when the map masks it.",
  params: maskedConfidenceParams,
  async evaluate(context) {
    const { whole, masked, isDegenerate } = await maskedConfidence(context);
    return {
      score: Math.max(0, whole - masked) / Math.max(whole, 1e-12),
      details: { whole, masked, isDegenerate },
    };
  },
});
