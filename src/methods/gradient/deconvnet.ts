import { z } from "zod";
import { assert } from "../../errors.ts";
import { defineMethod } from "../define-method.ts";
import { scoreParameter, type BatchAttribution } from "./attribution.ts";
import { attributionMap, reduceParameter } from "./channel-reduction.ts";
import { deconvnetRules, rectifierWarnings } from "./rectifier-rules.ts";

/** The gradient by the rules of deconvnet. */
export const deconvnetGradient: BatchAttribution = async ({ model, images, target, score, signal }) => {
  const { gradient } = await model.gradient(images, {
    target,
    score,
    signal,
    rules: { name: "deconvnet", overrides: deconvnetRules },
  });
  assert(gradient !== undefined, "the input gradient was asked for");
  return gradient;
};

/**
 * Deconvnet: at every ReLU node the gradient p becomes max(p, 0), whatever the ReLU did on the way forward. Other
 * non-linearities keep their own gradient; `details.warnings` lists them.
 */
export const deconvnet = defineMethod({
  name: "deconvnet",
  title: "Deconvnet",
  family: "gradient",
  needs: "gradients",
  paper: { authors: "Zeiler and Fergus", year: 2013, url: "https://arxiv.org/abs/1311.2901" },
  summary: "The gradient, with every ReLU replaced by a ReLU on the way back.",
  params: z.strictObject({
    score: scoreParameter,
    reduce: reduceParameter("max-abs", "the maximum of the absolute values, as for the plain gradient"),
  }),
  cost: () => ({ f: 0, fb: 1 }),
  async explain({ model, input, target, params, signal }) {
    const attribution = await deconvnetGradient({
      model,
      images: input,
      target,
      score: params.score,
      signal,
    });
    const warnings = rectifierWarnings(model.operators);
    const details = warnings.length === 0 ? undefined : { warnings };
    return attributionMap(
      attribution.data,
      [model.channels, model.height, model.width],
      params.reduce,
      details,
      params.score,
    );
  },
});
