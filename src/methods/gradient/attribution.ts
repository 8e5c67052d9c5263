import { z } from "zod";
import type { Model, ScoreKind, Target } from "../../runtime/model.ts";
import { assert } from "../../errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** What a gradient method needs to attribute a batch of images. */
export interface AttributionRequest {
  readonly model: Model;
  /** `[N, C, H, W]` in input space. */
  readonly images: Tensor;
  readonly target: Target;
  readonly score: ScoreKind;
  readonly signal?: AbortSignal | undefined;
}

/** Attributions `[N, C, H, W]` of a batch, one forward and backward pass an image; what SmoothGrad averages. */
export type BatchAttribution = (request: AttributionRequest) => Promise<Tensor>;

/** The parameter `score`: what is differentiated. */
export const scoreParameter = z
  .enum(["logit", "probability", "log-probability"])
  .default("logit")
  .describe("what is differentiated; the logit, because gradients of a saturated probability vanish");

/** d score / d image at each image. */
export const plainGradient: BatchAttribution = async ({ model, images, target, score, signal }) => {
  const { gradient } = await model.gradient(images, { target, score, signal });
  assert(gradient !== undefined, "the input gradient was asked for");
  return gradient;
};
