import { defineMetric } from "./define-metric.ts";
import { randomRemovalParams, randomRemovals } from "./random-removals.ts";

/**
 * Mean squared difference between what the map predicts for random removals and what they cause, after the best common
 * scale of the map (`beta = E[a d] / E[a^2]`), so that maps of different units compare. Divided by the mean squared drop:
 * 0 is perfect, 1 is no better than a map of zeros.
 */
export const infidelity = defineMetric({
  name: "infidelity",
  title: "Infidelity",
  direction: "lower",
  isPercent: false,
  aggregate: "mean",
  paper: { authors: "Yeh et al.", year: 2019, url: "https://arxiv.org/abs/1901.09392" },
  summary: "Share of the drops under random removals that the map, scaled at best, does not predict.",
  params: randomRemovalParams,
  async evaluate(context) {
    const removals = await randomRemovals(context);
    const products = { aa: 0, ad: 0, dd: 0 };
    for (const { attributions, drops } of removals) {
      attributions.forEach((attribution, sample) => {
        const drop = drops[sample] ?? 0;
        products.aa += attribution * attribution;
        products.ad += attribution * drop;
        products.dd += drop * drop;
      });
    }
    if (products.dd === 0) return { score: null };
    const scale = products.aa === 0 ? 0 : products.ad / products.aa;
    return { score: (products.dd - scale * products.ad) / products.dd, details: { scale } };
  },
});
