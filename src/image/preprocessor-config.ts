import { z } from "zod";
import { DataError } from "../errors.ts";
import type { Preprocess } from "./preprocess.ts";
import type { ResizeFilter } from "./resample-taps.ts";

/** Height and width. */
type Sides = readonly [height: number, width: number];
const sides = z.union([
  z.number().transform((side): Sides => [side, side]),
  z
    .object({ shortest_edge: z.number() })
    .transform(({ shortest_edge }): Sides => [shortest_edge, shortest_edge]),
  z
    .object({ height: z.number(), width: z.number() })
    .transform(({ height, width }): Sides => [height, width]),
]);
const rgb = z.array(z.number()).min(1).max(3);

/** Hugging Face `preprocessor_config.json`; keys that do not matter here, and those that are null, are ignored. */
const huggingFaceConfig = z.object({
  do_resize: z.boolean().default(true),
  do_center_crop: z.boolean().default(false),
  do_rescale: z.boolean().default(true),
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  do_normalize: z.boolean().optional(),
  do_flip_channel_order: z.boolean().default(false),
  /** Pixels in -1..1 before mean and deviation (EfficientNet). */
  rescale_offset: z.boolean().default(false),
  /** Divided by the deviation once more (EfficientNet). */
  include_top: z.boolean().default(false),
  image_processor_type: z.string().default(""),
  feature_extractor_type: z.string().default(""),
  image_mean: rgb.default([0.485, 0.456, 0.406]),
  image_std: rgb.default([0.229, 0.224, 0.225]),
  resample: z.number().default(2),
  size: sides.optional(),
  crop_size: sides.optional(),
  crop_pct: z.number().gt(0).max(1).optional(),
});

/** timm's `config.json`. */
const timmConfig = z.object({
  mean: rgb,
  std: rgb,
  interpolation: z.string().default("bilinear"),
  crop_pct: z.number().gt(0).max(1).default(0.875),
  crop_mode: z.string().default("center"),
  input_size: z.tuple([z.number(), z.number(), z.number()]).optional(),
});

// Pillow's numbers for its filters; 5 (Hamming) is nearest to bilinear.
const filterOfNumber: readonly ResizeFilter[] = [
  "nearest",
  "lanczos3",
  "bilinear",
  "bicubic",
  "box",
  "bilinear",
];
const filterOfName: Readonly<Record<string, ResizeFilter>> = {
  lanczos: "lanczos3",
  bicubic: "bicubic",
  nearest: "nearest",
  box: "box",
};

/** True for objects that look like a Hugging Face or timm configuration rather than our own description. */
export function isPreprocessorConfig(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return ["image_mean", "do_normalize", "do_resize", "image_processor_type", "pretrained_cfg"].some(
    (key) => key in value,
  );
}

/**
 * Reads the preprocessing that Hugging Face (`preprocessor_config.json`) or timm (`config.json`) publish with a model.
 * A centre crop after a resize that ignores the aspect ratio (DeiT) becomes a plain centre crop.
 * @throws {@link DataError} if a field has another type than those libraries write.
 */
export function readPreprocessorConfig(config: object, name = "preprocessor_config.json"): Preprocess {
  return "pretrained_cfg" in config ? fromTimm(config.pretrained_cfg, name) : fromHuggingFace(config, name);
}

function fromHuggingFace(config: object, name: string): Preprocess {
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
  const fields = parse(huggingFaceConfig, given, name);
  // Pixels in 0..1 times this, less the offset, are what mean and std refer to.
  const unit = fields.do_rescale ? 255 * fields.rescale_factor : 255;
  const offset = fields.do_rescale && fields.rescale_offset ? 1 : 0;
  // Processors that never normalise (MobileViT's) do not say so.
  const isNormalized = fields.do_normalize ?? (!("do_flip_channel_order" in given) || "image_mean" in given);
  const mean = isNormalized ? fields.image_mean : [0];
  const once = isNormalized ? fields.image_std : [1];
  const std = isNormalized && fields.include_top ? once.map((value) => value ** 2) : once;
  const cropSides = fields.do_center_crop ? (fields.crop_size ?? fields.size) : undefined;
  const input = cropSides ?? fields.size;
  const cropFraction = cropFractionOf(fields, cropSides?.[0]);
  return {
    resize: {
      mode: cropFraction === undefined ? "stretch" : "crop",
      filter: filterOfNumber[fields.resample] ?? "bilinear",
      antialias: true,
      cropFraction: cropFraction ?? 1,
      ...(input === undefined ? {} : { size: input[0] === input[1] ? input[0] : input }),
    },
    normalization: {
      mean: mean.map((value) => (value + offset) / unit),
      std: std.map((value) => value / unit),
      channelOrder: fields.do_flip_channel_order ? "BGR" : "RGB",
    },
  };
}

/** The part of the scaled photograph's shorter side that the network sees; `undefined` if it is all stretched. */
function cropFractionOf(
  {
    size,
    crop_pct: part,
    image_processor_type: type,
    feature_extractor_type: older,
  }: z.output<typeof huggingFaceConfig>,
  crop: number | undefined,
): number | undefined {
  const side = size?.[0];
  // LeViT's processor scales to 256 / 224 of the size that it is given, PoolFormer's to size / crop_pct.
  const enlarged = (type + older).startsWith("Levit") ? 256 / 224 : 1;
  if (crop !== undefined && side !== undefined) {
    const fraction = (crop / (side * enlarged)) * (part ?? 1);
    return fraction <= 1 ? fraction : undefined;
  }
  // ConvNeXt's scales to size / crop_pct, except from 384 on.
  return part !== undefined && (side ?? 0) < 384 ? part : undefined;
}

function fromTimm(config: unknown, name: string): Preprocess {
  const { mean, std, interpolation, crop_pct, crop_mode, input_size } = parse(
    timmConfig,
    config,
    `${name}: pretrained_cfg`,
  );
  return {
    resize: {
      mode: crop_mode === "squash" ? "stretch" : crop_mode === "border" ? "letterbox" : "crop",
      filter: filterOfName[interpolation] ?? "bilinear",
      antialias: true,
      cropFraction: crop_pct,
      ...(input_size === undefined ? {} : { size: input_size[1] }),
    },
    normalization: { mean, std, channelOrder: "RGB" },
  };
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, name: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DataError(
    `${name}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "unreadable"}. Give the preprocessing as --preprocess instead.`,
  );
}
