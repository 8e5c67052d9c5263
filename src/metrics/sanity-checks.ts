import { z } from "zod";
import { ParameterError, throwIfAborted } from "../errors.ts";
import { minMax } from "../image/min-max.ts";
import type { Grid } from "../image/saliency-map.ts";
import { spearman } from "./correlation.ts";
import { defineMetric } from "./define-metric.ts";
import { orientedGradients } from "./oriented-gradients.ts";
import { structuralSimilarity } from "./structural-similarity.ts";

const params = z.strictObject({
  mode: z
    .enum(["cascading", "independent"])
    .default("cascading")
    .describe(
      "cascading: all blocks from the output down to this one are drawn anew; independent: only this one",
    ),
  initializer: z
    .enum(["match-std", "permute", "he"])
    .default("match-std")
    .describe(
      "match-std: normal with the tensor's own mean and deviation, which keeps folded graphs numerically sane",
    ),
  seeds: z
    .array(z.int())
    .min(1)
    .default([0])
    .describe("weights are drawn once for each; 3 to 5 make a smooth curve"),
});

/** How alike two maps are; `null` where a measure is not defined. */
export interface MapSimilarity {
  /** Rank correlation of the absolute values. */
  readonly spearmanAbsolute: number | null;
  readonly spearmanSigned: number | null;
  readonly ssim: number | null;
  /** Rank correlation of the histograms of oriented gradients. */
  readonly hog: number | null;
}

/**
 * Parameter randomisation: the map is made again while the weights are drawn anew, block by block from
 * the output. A method that explains the network loses its map. The score is the mean over the stages of the rank
 * correlation of absolute values with the first map; lower is better. The curve runs over the stages.
 */
export const sanityChecks = defineMetric({
  name: "sanity-checks",
  title: "Parameter randomisation",
  direction: "lower",
  isPercent: false,
  aggregate: "mean",
  paper: { authors: "Adebayo et al.", year: 2018, url: "https://arxiv.org/abs/1810.03292" },
  summary: "Rank correlation with the map of a network whose weights are drawn anew; should fall to 0.",
  needs: "randomized-weights",
  params,
  async evaluate({ map, params, randomizedStages, signal }) {
    if (randomizedStages === undefined) {
      throw new ParameterError(
        "metric: 'sanity-checks' needs a network whose weights can be changed. Run it with 'onnx-saliency evaluate' on an ONNX file.",
      );
    }
    const stages = new Map<string, MapSimilarity[]>();
    for (const seed of params.seeds) {
      for await (const stage of randomizedStages({
        mode: params.mode,
        initializer: params.initializer,
        seed,
      })) {
        throwIfAborted(signal);
        const similarity = compareMaps(map, await stage.explain());
        stages.set(stage.label, [...(stages.get(stage.label) ?? []), similarity]);
      }
    }
    const means = [...stages].map(([label, list]) => ({
      label,
      spearmanAbsolute: meanOf(list.map((item) => item.spearmanAbsolute)),
      spearmanSigned: meanOf(list.map((item) => item.spearmanSigned)),
      ssim: meanOf(list.map((item) => item.ssim)),
      hog: meanOf(list.map((item) => item.hog)),
    }));
    const defined = means.flatMap(({ spearmanAbsolute }, stage) =>
      spearmanAbsolute === null ? [] : [{ stage: stage + 1, value: spearmanAbsolute }],
    );
    return {
      score: meanOf(means.map((stage) => stage.spearmanAbsolute)),
      curve: { x: [0, ...defined.map(({ stage }) => stage)], y: [1, ...defined.map(({ value }) => value)] },
      details: { stages: means },
    };
  },
});

/** Compares two maps of one size. Constant maps have no correlation and no SSIM. */
export function compareMaps(a: Grid, b: Grid): MapSimilarity {
  const [normalA, normalB] = [minMax(a), minMax(b)];
  const isDegenerate = normalA.isDegenerate || normalB.isDegenerate;
  const [hogA, hogB] = [orientedGradients(normalA), orientedGradients(normalB)];
  return {
    spearmanAbsolute: spearman(a.values.map(Math.abs), b.values.map(Math.abs)),
    spearmanSigned: spearman(a.values, b.values),
    ssim: isDegenerate ? null : structuralSimilarity(normalA, normalB),
    hog: isDegenerate || hogA.length === 0 ? null : spearman(hogA, hogB),
  };
}

function meanOf(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value) => value !== null);
  return defined.length === 0 ? null : defined.reduce((sum, value) => sum + value, 0) / defined.length;
}
