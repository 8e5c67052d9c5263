import { z } from "zod";
import { minMax } from "../image/min-max.ts";
import { tensor } from "../tensor/tensor.ts";
import { scoreMasks } from "./composite.ts";
import type { MetricContext } from "./define-metric.ts";
import { orderDescending } from "./rank.ts";
import { substrate } from "./substrate.ts";

/** Parameters that average drop, increase and gain share. */
export const maskedConfidenceParams = z.strictObject({
  fill: z
    .enum(["black", "mean"])
    .default("black")
    .describe(
      "what a saliency of 0 shows: black (multiplication in pixel space), or the mean colour (in input space)",
    ),
  topFraction: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe("share of the most salient pixels that is kept at all; the Score-CAM paper takes 0.5"),
});

export interface MaskedConfidence {
  /** Probability of the target on the photograph, Y. */
  readonly whole: number;
  /** Probability on the photograph times the min-max normalised map, O. */
  readonly masked: number;
  /** True if the map is constant: it was treated as all ones. */
  readonly isDegenerate: boolean;
}

/** The probability of the target on the photograph and on what the map keeps of it. Two evaluations. */
export function maskedConfidence(
  context: MetricContext<z.output<typeof maskedConfidenceParams>>,
): Promise<MaskedConfidence> {
  return context.mapMemo(`masked-confidence/${JSON.stringify(context.params)}`, async () => {
    const { model, input, map, target, params, signal } = context;
    const normalized = minMax(map);
    const mask = normalized.isDegenerate ? new Float32Array(map.values.length).fill(1) : normalized.values;
    if (params.topFraction < 1) {
      const kept = Math.round(params.topFraction * mask.length);
      for (const index of orderDescending(map.values, "index").subarray(kept)) mask[index] = 0;
    }
    const masks = new Float32Array(2 * mask.length).fill(1);
    masks.set(mask, mask.length);
    const [whole = NaN, masked = NaN] = await scoreMasks(
      {
        model,
        image: input,
        substrate: context.imageMemo(`substrate/${params.fill}`, () => substrate(params.fill, model, input)),
        target,
        score: "probability",
        signal,
        upsampling: "half-pixel",
      },
      tensor(masks, [2, 1, map.height, map.width]),
    );
    return { whole, masked, isDegenerate: normalized.isDegenerate };
  });
}
