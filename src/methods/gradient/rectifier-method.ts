import { z } from "zod";
import type { RuleOverrides } from "../../autodiff/rules.ts";
import { assert } from "../../errors.ts";
import { imageDims } from "../../runtime/model.ts";
import { defineMethod, type Method } from "../define-method.ts";
import { scoreParameter, type BatchAttribution } from "./attribution.ts";
import { attributionMap, reduceParameter } from "./channel-reduction.ts";
import { rectifierWarnings } from "./rectifier-rules.ts";

/** The gradient under replaced rules of rectifiers; `name` identifies the rules. */
export function rectifiedGradient(name: string, overrides: RuleOverrides): BatchAttribution {
  return async ({ model, images, target, score, signal }) => {
    const { gradient } = await model.gradient(images, { target, score, signal, rules: { name, overrides } });
    assert(gradient !== undefined, "the input gradient was asked for");
    return gradient;
  };
}

const params = z.strictObject({
  score: scoreParameter,
  reduce: reduceParameter("max-abs", "the maximum of the absolute values, as for the plain gradient"),
});

/** A method that is the gradient under replaced rules; other non-linearities are listed in `details.warnings`. */
export function rectifierMethod(
  facts: Pick<Method, "name" | "title" | "paper" | "summary">,
  gradient: BatchAttribution,
): Method<typeof params> {
  return defineMethod({
    ...facts,
    family: "gradient",
    needs: "gradients",
    explainsVolumes: true,
    params,
    cost: () => ({ f: 0, fb: 1 }),
    async explain({ model, input, target, params: { score, reduce }, signal }) {
      const attribution = await gradient({ model, images: input, target, score, signal });
      const warnings = rectifierWarnings(model.operators);
      const details = warnings.length === 0 ? undefined : { warnings };
      const size = imageDims(model);
      return attributionMap(attribution.data, size, reduce, details, score);
    },
  });
}
