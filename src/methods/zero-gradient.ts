import type { DegenerateReason } from "../image/saliency-map.ts";
import type { ScoreKind } from "../runtime/model.ts";

/**
 * The reason for a gradient that is zero everywhere.
 * @param place What the gradient was taken with respect to, for the message.
 */
export function zeroGradient(place: string, score: ScoreKind = "logit"): DegenerateReason {
  if (score !== "logit") {
    return {
      code: "saturated-score",
      message: `The ${score} does not change with ${place}: it is so near its limit that its gradient is zero. Use score=logit.`,
    };
  }
  return {
    code: "zero-gradient",
    message: `The score does not change with ${place}: the units on the way are dead. Explain another class, or use a forward-only method such as rise.`,
  };
}
