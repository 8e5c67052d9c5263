import { z } from "zod";
import { defineMetric } from "./define-metric.ts";

/**
 * The Gini index of the absolute saliency: 0 for a uniform map, 1 - 1/n for a single pixel. Tells nothing about
 * faithfulness; says how concentrated a map is. `null` for a map of zeros.
 */
export const sparseness = defineMetric({
  name: "sparseness",
  title: "Sparseness",
  direction: "higher",
  isPercent: false,
  aggregate: "mean",
  paper: { authors: "Chalasani et al.", year: 2020, url: "https://arxiv.org/abs/1810.06583" },
  summary: "Gini index of the absolute saliency: 0 for a uniform map, near 1 for a single pixel.",
  params: z.strictObject({}),
  evaluate: ({ map }) => Promise.resolve({ score: giniIndex(map.values) }),
});

/** `G = sum_k (2k - n - 1) v_k / (n sum v)` over the absolute values in ascending order, k from 1. */
export function giniIndex(values: Float32Array): number | null {
  const sorted = Float64Array.from(values, Math.abs).sort();
  const count = sorted.length;
  let [weighted, total] = [0, 0];
  sorted.forEach((value, index) => {
    weighted += (2 * (index + 1) - count - 1) * value;
    total += value;
  });
  return total > 0 ? weighted / (count * total) : null;
}
