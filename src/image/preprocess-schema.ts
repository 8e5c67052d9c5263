import { z } from "zod";
import { DataError, ParameterError } from "../errors.ts";
import {
  type Normalization,
  type NormalizationPreset,
  normalizationPresetNames,
  normalizationPresets,
} from "./normalize.ts";
import type { Preprocess } from "./preprocess.ts";
import { isPreprocessorConfig, readPreprocessorConfig } from "./preprocessor-config.ts";
import { resizeFilters } from "./resample-taps.ts";

const channelValues = z.array(z.number()).min(1).max(3);

const side = z.int().min(1).max(8192);

/** A preprocessing description as it stands in a JSON file beside a model. Everything is optional. */
export const preprocessSchema = z.strictObject({
  preset: z
    .enum(normalizationPresetNames as [NormalizationPreset, ...NormalizationPreset[]])
    .optional()
    .describe("normalization by name; mean, std and channelOrder override it (default imagenet)"),
  resize: z
    .strictObject({
      mode: z.enum(["stretch", "crop", "letterbox"]).optional().describe("default stretch, as in the paper"),
      filter: z.enum(resizeFilters).optional().describe("default bilinear"),
      antialias: z.boolean().optional().describe("default true; false is OpenCV's resize"),
      cropFraction: z
        .number()
        .gt(0)
        .max(1)
        .optional()
        .describe("crop only; default 0.875, which is 224 of 256"),
      size: z
        .union([side, z.tuple([side, side])])
        .optional()
        .describe("input side, or [height, width], in pixels, for models that take any size"),
    })
    .optional(),
  mean: channelValues
    .optional()
    .describe("one value, or one a channel, in the order of the network's channels"),
  std: channelValues.optional(),
  channelOrder: z.enum(["RGB", "BGR", "gray"]).optional(),
  pixelRange: z
    .union([z.literal(1), z.literal(255)])
    .optional()
    .describe("unit of mean and std: 1 for pixels in 0..1 (default), 255 for 0..255"),
});

/** The type of {@link preprocessSchema}. */
export type PreprocessDescription = z.input<typeof preprocessSchema>;

/** Geometry used where a description says nothing: the paper's stretch, antialiased. */
export const defaultResize: Preprocess["resize"] = {
  mode: "stretch",
  filter: "bilinear",
  antialias: true,
  cropFraction: 0.875,
};

/**
 * Reads a description: the name of a preset, or an object (or JSON text) as in {@link preprocessSchema} or as Hugging Face and timm
 * publish beside their models.
 * @param name What messages call it, for example the file's name. Default `preprocess`.
 * @throws {@link DataError} for malformed JSON, unknown keys and values outside their range; {@link ParameterError} for an unknown preset.
 */
export function parsePreprocess(
  description: string | PreprocessDescription,
  name = "preprocess",
): Preprocess {
  if (typeof description === "string" && !description.trimStart().startsWith("{"))
    return fromPreset(description, name);
  const value = typeof description === "string" ? parseJson(description, name) : description;
  if (isPreprocessorConfig(value)) return readPreprocessorConfig(value, name);
  const parsed = preprocessSchema.safeParse(value);
  if (!parsed.success) throw new DataError(describeIssue(name, parsed.error.issues[0]));
  const { preset = "imagenet", resize = {}, pixelRange = 1, mean, std, channelOrder } = parsed.data;
  const base: Normalization = normalizationPresets[preset];
  const normalization = {
    mean: mean?.map((value) => value / pixelRange) ?? base.mean,
    std: std?.map((value) => value / pixelRange) ?? base.std,
    channelOrder: channelOrder ?? base.channelOrder,
  };
  checkNormalization(normalization, name);
  const { size, ...geometry } = { ...defaultResize, ...withoutUndefined(resize) };
  return { resize: size === undefined ? geometry : { ...geometry, size }, normalization };
}

function fromPreset(text: string, name: string): Preprocess {
  const preset = normalizationPresetNames.find((candidate) => candidate === text);
  if (preset === undefined) {
    throw new ParameterError(
      `${name}: expected one of ${normalizationPresetNames.join(", ")}, or a JSON description, got "${text}". ` +
        'A description looks like {"preset": "imagenet", "resize": {"mode": "crop"}}.',
    );
  }
  return { resize: defaultResize, normalization: normalizationPresets[preset] };
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(
      `${name}: expected JSON, got text that does not parse (${(error as Error).message}).`,
      { cause: error },
    );
  }
}

function checkNormalization({ mean, std }: Normalization, name: string): void {
  if (std.some((value) => value === 0)) {
    throw new DataError(
      `${name}: std: expected values other than 0, got [${std.join(", ")}]. Pixels are divided by std.`,
    );
  }
  if (mean.some((value) => Math.abs(value) > 4)) {
    throw new DataError(
      `${name}: mean: expected values for pixels in 0..1, got [${mean.join(", ")}]. If they are for pixels in 0..255, add "pixelRange": 255.`,
    );
  }
}

function describeIssue(name: string, issue: z.core.$ZodIssue | undefined): string {
  const path = issue?.path.join(".") ?? "";
  const keys = Object.keys(preprocessSchema.shape).join(", ");
  return `${name}: ${path === "" ? "" : `${path}: `}${issue?.message ?? "not a preprocessing description"}. Known keys: ${keys}.`;
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
