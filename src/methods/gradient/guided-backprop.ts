import { z } from "zod";
import { assert } from "../../errors.ts";
import { defineMethod } from "../define-method.ts";
import { scoreParameter, type BatchAttribution } from "./attribution.ts";
import { attributionMap, reduceParameter } from "./channel-reduction.ts";
import { guidedRules, rectifierWarnings } from "./rectifier-rules.ts";

/** The gradient by the rules of guided backpropagation. */
export const guidedBackpropGradient: BatchAttribution = async ({ model, images, target, score, signal }) => {
  const { gradient } = await model.gradient(images, {
    target,
    score,
    signal,
    rules: { name: "guided-backprop", overrides: guidedRules },
  });
  assert(gradient !== undefined, "the input gradient was asked for");
  return gradient;
};

/**
 * Guided backpropagation: at every ReLU node the gradient p becomes max(p, 0) where the ReLU was open. ReLU6 likewise, with
 * the gate 0 < a < 6. Other non-linearities keep their own gradient; `details.warnings` lists them.
 */
export const guidedBackprop = defineMethod({
  name: "guided-backprop",
  title: "Guided backpropagation",
  family: "gradient",
  needs: "gradients",
  paper: { authors: "Springenberg et al.", year: 2014, url: "https://arxiv.org/abs/1412.6806" },
  summary: "The gradient, with negative signals stopped at every ReLU.",
  params: z.strictObject({
    score: scoreParameter,
    reduce: reduceParameter("max-abs", "the maximum of the absolute values, as for the plain gradient"),
  }),
  cost: () => ({ f: 0, fb: 1 }),
  async explain({ model, input, target, params, signal }) {
    const attribution = await guidedBackpropGradient({
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
