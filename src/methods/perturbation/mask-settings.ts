import { z } from "zod";
import {
  blurred,
  maskResampling,
  maskUpsamplings,
  type MaskResampling,
} from "../../runtime/mask-resampling.ts";
import type { Model } from "../../runtime/model.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { baselineKinds, makeBaseline } from "./baseline.ts";
import { blurOfIteration, type Blur, type WarmUp } from "./warm-up.ts";

/** Parameters that every mask optimiser has in common. */
export const maskSettingsSchema = z.strictObject({
  size: z.int().min(1).max(512).describe("height and width of the learned mask, in cells"),
  upsampling: z
    .enum(maskUpsamplings)
    .describe(
      "how the mask reaches image size; half-pixel is what networks and CAMs use, align-corners what I-GOS and EMP used",
    ),
  maskBlur: z
    .number()
    .min(0)
    .describe("standard deviation in pixels of a Gaussian blur of the upsampled mask; 0 for none"),
  baseline: z.enum(baselineKinds).describe("what is shown where the mask is 0"),
  kernel: z
    .int()
    .min(1)
    .refine((size) => size % 2 === 1, "must be odd")
    .describe("size in pixels of the baseline's blur kernel, odd; sets how strong the blur is"),
  sigma: z.number().positive().describe("standard deviation in pixels of the baseline's blur kernel"),
  warmup: z.int().min(0).describe("first iterations that use a weaker blur for the baseline"),
  warmupSchedule: z
    .enum(["gradual", "constant"])
    .describe("how the blur grows during the warm-up: gradual, or constant (11, 10)"),
  warmupBlurs: z
    .array(z.string().regex(/^\d*[13579]:\d+(\.\d+)?$/))
    .describe("instead of a schedule: one KERNEL:SIGMA for each iteration of the warm-up"),
});
export type MaskSettings = z.output<typeof maskSettingsSchema>;

/** The defaults: masks of 28 x 28 as in all the papers, and the blur (51, 50) that the metrics use too. */
export const maskSettingsDefaults: MaskSettings = {
  size: 28,
  upsampling: "align-corners",
  maskBlur: 0,
  baseline: "blur",
  kernel: 51,
  sigma: 50,
  warmup: 0,
  warmupSchedule: "gradual",
  warmupBlurs: [],
};

/** The upsampling of a mask for a model, with and without the blur of the full-size mask. */
export function resamplings(
  settings: MaskSettings,
  model: Model,
): { resampling: MaskResampling; sharpResampling: MaskResampling } {
  const size = { height: settings.size, width: settings.size };
  const sharpResampling = maskResampling(settings.upsampling, size, model);
  return { sharpResampling, resampling: blurred(sharpResampling, settings.maskBlur) };
}

/** The baseline of each iteration; blurred images are made when first asked for and kept while they are the same. */
export function baselineSchedule(
  settings: MaskSettings,
  input: Tensor,
  model: Model,
): (iteration: number) => Tensor {
  const full: Blur = { kernel: settings.kernel, sigma: settings.sigma };
  const warmUp = warmUpOf(settings);
  let last: { readonly blur: Blur; readonly image: Tensor } | undefined;
  return (iteration) => {
    // Only a blur has a strength that could grow.
    const blur = settings.baseline === "blur" ? blurOfIteration(warmUp, iteration, full) : full;
    if (last?.blur.kernel !== blur.kernel || last.blur.sigma !== blur.sigma) {
      last = { blur, image: makeBaseline(settings.baseline, input, blur, model.normalization) };
    }
    return last.image;
  };
}

function warmUpOf({ warmup, warmupSchedule, warmupBlurs }: MaskSettings): WarmUp {
  if (warmupBlurs.length > 0) {
    const blurs = warmupBlurs.map((text) => {
      const [kernel = 1, sigma = 1] = text.split(":").map(Number);
      return { kernel, sigma };
    });
    return { kind: "list", blurs };
  }
  return warmup === 0 ? { kind: "off" } : { kind: warmupSchedule, iterations: warmup };
}
