import { defineMetric } from "./define-metric.ts";
import { removalCurve, removalParams } from "./removal-curves.ts";

/**
 * Insertion minus deletion. Costs nothing beside the two: all three share their curves. Its
 * expectation for a random map is 0.
 */
export const overAll = defineMetric({
  name: "over-all",
  title: "Over-all",
  direction: "higher",
  isPercent: true,
  aggregate: "mean",
  paper: { authors: "Zhang, Rao and Yang", year: 2021, url: "https://github.com/wofmanaf/Group-CAM" },
  summary: "Insertion minus deletion.",
  params: removalParams,
  async evaluate(context) {
    const [deletion, insertion] = [
      await removalCurve(context, "deletion"),
      await removalCurve(context, "insertion"),
    ];
    return {
      score: insertion.area - deletion.area,
      details: { deletion: deletion.area, insertion: insertion.area, tieFraction: deletion.tieFraction },
    };
  },
});
