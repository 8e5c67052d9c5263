import { defineMetric } from "./define-metric.ts";
import { pearson } from "./correlation.ts";
import { randomRemovalParams, randomRemovals } from "./random-removals.ts";

/**
 * Correlation, over random subsets of n cells, of the map's sum over the subset with the drop that removing it causes;
 * averaged over the sizes n. The curve shows it for each size. `null` if a constant map or score leaves none defined.
 */
export const sensitivityN = defineMetric({
  name: "sensitivity-n",
  title: "Sensitivity-n",
  direction: "higher",
  isPercent: false,
  aggregate: "mean",
  paper: { authors: "Ancona et al.", year: 2018, url: "https://arxiv.org/abs/1711.06104" },
  summary: "Correlation of the saliency in random regions with the drop when they are removed.",
  params: randomRemovalParams,
  async evaluate(context) {
    const removals = await randomRemovals(context);
    const points = removals.map(({ fraction, attributions, drops }) => ({
      fraction,
      value: pearson(attributions, drops),
    }));
    const defined = points.flatMap(({ fraction, value }) => (value === null ? [] : [{ fraction, value }]));
    if (defined.length === 0) return { score: null };
    return {
      score: defined.reduce((sum, { value }) => sum + value, 0) / defined.length,
      curve: { x: defined.map(({ fraction }) => fraction), y: defined.map(({ value }) => value) },
    };
  },
});
