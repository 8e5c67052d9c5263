import { defineMetric } from "./define-metric.ts";
import { maskedConfidence, maskedConfidenceParams } from "./masked-confidence.ts";

/** Relative gain of confidence under the map: `max(0, O - Y) / (1 - Y)`. Higher is better; the counterpart of average drop. */
export const gain = defineMetric({
  name: "gain",
  title: "Average gain",
  direction: "higher",
  isPercent: true,
  aggregate: "mean",
  paper: { authors: "Zhang et al.", year: 2024, url: "https://arxiv.org/abs/2303.10838" },
  summary: "How much of the missing confidence is gained when the map masks the photograph.",
  params: maskedConfidenceParams,
  async evaluate(context) {
    const { whole, masked, isDegenerate } = await maskedConfidence(context);
    return {
      score: Math.max(0, masked - whole) / Math.max(1 - whole, 1e-12),
      details: { whole, masked, isDegenerate },
    };
  },
});
