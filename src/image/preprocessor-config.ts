import { z } from "zod";
import { DataError } from "../errors.ts";
import type { Preprocess } from "./preprocess.ts";
import type { ResizeFilter } from "./resample-taps.ts";

const side = z.union([
  z.number(),
  z.object({ shortest_edge: z.number() }).transform(({ shortest_edge }) => shortest_edge),
  z.object({ height: z.number(), width: z.number() }).transform(({ height }) => height),
]);
const rgb = z.array(z.number()).min(1).max(3);

/** Hugging Face `preprocessor_config.json`; keys that do not matter here are ignored. */
const huggingFaceConfig = z.object({
  do_resize: z.boolean().default(true),
  do_center_crop: z.boolean().default(false),
  do_rescale: z.boolean().default(true),
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  do_normalize: z.boolean().default(true),
  image_mean: rgb.default([0.485, 0.456, 0.406]),
  image_std: rgb.default([0.229, 0.224, 0.225]),
  resample: z.number().default(2),
  size: side.optional(),
  crop_size: side.optional(),
  crop_pct: z.number().gt(0).max(1).nullish(),
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
  const fields = parse(huggingFaceConfig, config, name);
  // Pixels in 0..1 times this are what mean and std refer to.
  const unit = fields.do_rescale ? 255 * fields.rescale_factor : 255;
  const mean = fields.do_normalize ? fields.image_mean : [0];
  const std = fields.do_normalize ? fields.image_std : [1];
  const scaledSide = fields.size;
  const cropSide = fields.do_center_crop ? (fields.crop_size ?? scaledSide) : undefined;
  const inputSide = cropSide ?? scaledSide;
  const fromSides =
    cropSide !== undefined && scaledSide !== undefined && cropSide <= scaledSide
      ? cropSide / scaledSide
      : undefined;
  // ConvNeXt's processor scales to size / crop_pct, except from 384 on.
  const cropFraction =
    fromSides ??
    (typeof fields.crop_pct === "number" && (inputSide ?? 0) < 384 ? fields.crop_pct : undefined);
  return {
    resize: {
      mode: cropFraction === undefined ? "stretch" : "crop",
      filter: filterOfNumber[fields.resample] ?? "bilinear",
      antialias: true,
      cropFraction: cropFraction ?? 1,
      ...(inputSide === undefined ? {} : { size: inputSide }),
    },
    normalization: {
      mean: mean.map((value) => value / unit),
      std: std.map((value) => value / unit),
      channelOrder: "RGB",
    },
  };
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
