import { guidedRules } from "./rectifier-rules.ts";
import { rectifiedGradient, rectifierMethod } from "./rectifier-method.ts";

/** The gradient by the rules of guided backpropagation. */
export const guidedBackpropGradient = rectifiedGradient("guided-backprop", guidedRules);

/**
 * Guided backpropagation: at every ReLU node the gradient p becomes max(p, 0) where the ReLU was open. ReLU6 likewise, with
 * the gate 0 < a < 6. Other non-linearities keep their own gradient; `details.warnings` lists them.
 */
export const guidedBackprop = rectifierMethod(
  {
    name: "guided-backprop",
    title: "Guided backpropagation",
    paper: { authors: "Springenberg et al.", year: 2014, url: "https://arxiv.org/abs/1412.6806" },
    summary: "The gradient, with negative signals stopped at every ReLU.",
  },
  guidedBackpropGradient,
);
