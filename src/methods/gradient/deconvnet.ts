import { deconvnetRules } from "./rectifier-rules.ts";
import { rectifiedGradient, rectifierMethod } from "./rectifier-method.ts";

/** The gradient by the rules of deconvnet. */
export const deconvnetGradient = rectifiedGradient("deconvnet", deconvnetRules);

/**
 * Deconvnet: at every ReLU node the gradient p becomes max(p, 0), whatever the ReLU did on the way forward. Other
 * non-linearities keep their own gradient; `details.warnings` lists them.
 */
export const deconvnet = rectifierMethod(
  {
    name: "deconvnet",
    title: "Deconvnet",
    paper: { authors: "Zeiler and Fergus", year: 2013, url: "https://arxiv.org/abs/1311.2901" },
    summary: "The gradient, with every ReLU replaced by a ReLU on the way back.",
  },
  deconvnetGradient,
);
