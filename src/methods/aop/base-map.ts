import { z } from "zod";
import type { Grid } from "../../image/saliency-map.ts";
import { resample, maskResampling } from "../../runtime/mask-resampling.ts";
import type { Mask } from "../perturbation/mask.ts";
import { shrinkGrid } from "./shrink-grid.ts";

/** Parameters of how a base map becomes the mask that an optimiser starts from. */
export const baseMapSchema = z.strictObject({
  theta: z
    .number()
    .min(0)
    .max(2)
    .describe(
      "parts of the normalised base map below this are dropped; as a share of the cells for filter quantile",
    ),
  lambda: z.number().min(0).max(1).describe("what remains of the base map is multiplied by this"),
  filter: z
    .enum(["absolute", "quantile", "soft"])
    .describe("drop values below theta; or the lowest share theta; or subtract theta and rescale"),
  filterAt: z
    .enum(["native", "mask"])
    .describe("filter at the map's own resolution, or after it has been resampled to the mask"),
  renormalize: z.boolean().describe("stretch what the filter leaves to 0..1 again"),
});
export type BaseMapSettings = z.output<typeof baseMapSchema>;

/** The paper's settings for ImageNet: theta 0.7, lambda 0.15, absolute filter at the map's own resolution. */
export const baseMapDefaults: BaseMapSettings = {
  theta: 0.7,
  lambda: 0.15,
  filter: "absolute",
  filterAt: "native",
  renormalize: false,
};

/** A keep-mask to start from, and whether the base map was empty (then it is ones). */
export interface BaseMask {
  readonly mask: Mask;
  readonly isDegenerate: boolean;
}

/**
 * M0 = 1 - up(lambda * filter(minMax(ReLU(S)))), the paper's equation 5 in this order: normalise at the
 * map's own resolution, filter (strictly below theta; survivors unchanged), multiply, resample (half-pixel), invert.
 */
export function baseMask(
  map: Grid,
  settings: BaseMapSettings,
  size: { readonly height: number; readonly width: number },
): BaseMask {
  const normalized = normalizedMap(map);
  const isDegenerate = normalized === undefined;
  const native = normalized ?? new Float64Array(map.values.length);
  const kept = settings.filterAt === "native" ? filtered(native, settings) : native;
  const resampled = toMaskSize({ ...map, values: kept }, size);
  const final = settings.filterAt === "mask" ? filtered(resampled, settings) : resampled;
  // `1 - 0` for a factor of 0: exactly the ones that the plain method starts from.
  const values = final.map((value) => 1 - settings.lambda * value);
  return { mask: { height: size.height, width: size.width, values }, isDegenerate };
}

/** ReLU, then division to 0..1; `undefined` where nothing is left or a value is not finite. */
function normalizedMap({ values }: Grid): Float64Array | undefined {
  const positive = Float64Array.from(values, (value) => (value > 0 ? value : value <= 0 ? 0 : NaN));
  return stretched(positive);
}

function stretched(values: Float64Array): Float64Array | undefined {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) return undefined;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (high - low <= 1e-12 * Math.max(1, Math.abs(high))) return undefined;
  return values.map((value) => (value - low) / (high - low));
}

function filtered(values: Float64Array, { filter, theta, renormalize }: BaseMapSettings): Float64Array {
  const threshold = filter === "quantile" ? percentile(values, theta) : theta;
  const kept =
    filter === "soft"
      ? values.map((value) => (theta >= 1 ? 0 : Math.max(value - theta, 0) / (1 - theta)))
      : values.map((value) => (value < threshold ? 0 : value));
  return renormalize ? (stretched(kept) ?? kept) : kept;
}

/** Linear interpolation between order statistics, rank p (n - 1). */
function percentile(values: Float64Array, share: number): number {
  const sorted = values.toSorted();
  const rank = Math.min(share, 1) * (sorted.length - 1);
  const below = sorted[Math.floor(rank)]!;
  return below + (rank - Math.floor(rank)) * (sorted[Math.ceil(rank)]! - below);
}

function toMaskSize(
  map: { readonly height: number; readonly width: number; readonly values: Float64Array },
  size: { readonly height: number; readonly width: number },
): Float64Array {
  const isLarger = map.height > size.height || map.width > size.width;
  return isLarger ? shrinkGrid(map, size) : resample(maskResampling("half-pixel", map, size), map.values);
}
