import { z } from "zod";
import { DataError } from "../errors.ts";
import { defaultResize } from "./preprocess-schema.ts";
import type { Preprocess } from "./preprocess.ts";
import type { ResizeFilter } from "./resample-taps.ts";

const side = z.union([
  z.int().min(1),
  z.looseObject({
    height: z.int().min(1).optional(),
    width: z.int().min(1).optional(),
    shortest_edge: z.int().min(1).optional(),
  }),
]);

/** The fields of Hugging Face's `preprocessor_config.json` that decide how a photograph becomes an input. */
const configSchema = z.looseObject({
  do_resize: z.boolean().optional(),
  do_center_crop: z.boolean().optional(),
  do_normalize: z.boolean().optional(),
  do_rescale: z.boolean().optional(),
  size: side.optional(),
  crop_size: side.optional(),
  crop_pct: z.number().gt(0).max(1).nullish(),
  resample: z.int().optional(),
  rescale_factor: z.number().optional(),
  image_mean: z.union([z.number(), z.array(z.number()).min(1).max(3)]).optional(),
  image_std: z.union([z.number(), z.array(z.number()).min(1).max(3)]).optional(),
});

/** Pillow's numbers for its filters. */
const filters: Readonly<Record<number, ResizeFilter>> = {
  0: "nearest",
  1: "lanczos3",
  2: "bilinear",
  3: "bicubic",
  4: "box",
};

/**
 * Reads a `preprocessor_config.json` as Hugging Face writes it beside image classifiers.
 * @throws DataError for JSON that is none, or settings that have no equal here (another resampling filter)
 */
export function parsePreprocessorConfig(text: string, name = "preprocessor_config.json"): Preprocess {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DataError(
      `${name}: expected JSON, got text that does not parse (${(error as Error).message}).`,
      { cause: error },
    );
  }
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new DataError(
      `${name}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not a preprocessor configuration"}. Write a description of your own, such as {"preset": "imagenet"}.`,
    );
  }
  const config = parsed.data;
  const filter = filters[config.resample ?? 2];
  if (filter === undefined) {
    throw new DataError(
      `${name}: resample: expected 0 to 4 (nearest, Lanczos, bilinear, bicubic, box), got ${config.resample}. Set the nearest of these.`,
    );
  }
  const scaled = shortSide(config.size);
  const cropped = shortSide(config.crop_size) ?? scaled;
  const isCrop = config.do_center_crop === true || typeof config.crop_pct === "number";
  const cropFraction =
    config.crop_pct ?? (scaled !== undefined && cropped !== undefined ? Math.min(1, cropped / scaled) : 1);
  const size = isCrop && typeof config.crop_pct !== "number" ? cropped : scaled;
  // Pixels times the factor are what mean and std are for; ours are for pixels in 0..1.
  const unit = config.do_rescale === false ? 255 : (config.rescale_factor ?? 1 / 255) * 255;
  const values = (given: number | readonly number[] | undefined, fallback: number): readonly number[] =>
    (config.do_normalize === false
      ? [fallback, fallback, fallback]
      : typeof given === "object"
        ? given
        : [given ?? fallback, given ?? fallback, given ?? fallback]
    ).map((value) => value / unit);
  return {
    resize: {
      ...defaultResize,
      filter,
      mode: isCrop ? "crop" : "stretch",
      ...(isCrop ? { cropFraction } : {}),
      ...(size === undefined ? {} : { size }),
    },
    normalization: {
      mean: values(config.image_mean, 0),
      std: values(config.image_std, 1),
      channelOrder: "RGB",
    },
  };
}

function shortSide(size: z.output<typeof side> | undefined): number | undefined {
  if (size === undefined || typeof size === "number") return size;
  return size.shortest_edge ?? size.height ?? size.width;
}
