import type { Normalization } from "../image/normalize.ts";
import { defaultResize } from "../image/preprocess-schema.ts";
import type { Preprocess } from "../image/preprocess.ts";

/** A preprocessing that a file states, and in which words. */
export interface StatedPreprocess {
  readonly preprocess: Preprocess;
  /** Where it is stated, for records. */
  readonly source: string;
}

const crop = (cropFraction: number): Preprocess["resize"] => ({
  ...defaultResize,
  mode: "crop",
  cropFraction,
});
const same = (value: number): readonly number[] => [value, value, value];

/** Pixel ranges in the words of Windows ML's image metadata: what a pixel in 0..1 becomes. */
const nominalRanges: Readonly<Record<string, Pick<Normalization, "mean" | "std">>> = {
  NominalRange_0_255: { mean: same(0), std: same(1 / 255) },
  Normalized_0_1: { mean: same(0), std: same(1) },
  Normalized_1_1: { mean: same(0.5), std: same(0.5) },
  NominalRange_16_235: { mean: same(-16 / 219), std: same(1 / 219) },
};

/**
 * The preprocessing that a model's `metadata_props` state, or `undefined`:
 * - Azure Custom Vision and others for Windows ML: `Image.BitmapPixelFormat` (channel order) and
 *   `Image.NominalPixelRange`; its sample code scales the centre square to 256 and cuts out the input's size.
 * - Ultralytics' classifiers: `task` is `classify`; pixels in 0..1, red first (or gray, with `channels` 1), the centre square; for an
 *   input that is not square the whole photograph, stretched.
 */
export function metadataPreprocess(metadata: ReadonlyMap<string, string>): StatedPreprocess | undefined {
  const format = metadata.get("Image.BitmapPixelFormat");
  const range = metadata.get("Image.NominalPixelRange");
  const scaling = nominalRanges[range ?? "NominalRange_0_255"];
  if ((format !== undefined || range !== undefined) && scaling !== undefined) {
    const order = format?.toLowerCase() ?? "";
    const channelOrder = order.startsWith("bgr") ? "BGR" : order.startsWith("gray") ? "gray" : "RGB";
    const stated = [
      ...(format === undefined ? [] : [`Image.BitmapPixelFormat ${format}`]),
      ...(range === undefined ? [] : [`Image.NominalPixelRange ${range}`]),
    ];
    const count = channelOrder === "gray" ? 1 : 3;
    return {
      preprocess: {
        resize: crop(224 / 256),
        normalization: {
          mean: scaling.mean.slice(0, count),
          std: scaling.std.slice(0, count),
          channelOrder,
        },
      },
      source: `metadata of the file: ${stated.join(", ")}`,
    };
  }
  if (metadata.get("task") === "classify" && metadata.has("names")) {
    const [height, width = height] = (metadata.get("imgsz")?.match(/\d+/g) ?? []).map(Number);
    const isSquare = height === width;
    const size =
      height === undefined || width === undefined || isSquare ? height : ([height, width] as const);
    const isGray = metadata.get("channels") === "1";
    return {
      preprocess: {
        resize: { ...(isSquare ? crop(1) : defaultResize), ...(size !== undefined && { size }) },
        normalization: isGray
          ? { mean: [0], std: [1], channelOrder: "gray" }
          : { mean: same(0), std: same(1), channelOrder: "RGB" },
      },
      source: "metadata of the file: task classify (Ultralytics), pixels in 0..1",
    };
  }
  return undefined;
}

/**
 * Class names in a model's `metadata_props`: `names` as Ultralytics writes it, a Python dictionary from index to name.
 * `undefined` if there are none, or they are written in another way.
 */
export function metadataLabels(metadata: ReadonlyMap<string, string>): readonly string[] | undefined {
  const text = metadata.get("names")?.trim() ?? "";
  if (!/^\{.*\}$/s.test(text)) return undefined;
  const labels: string[] = [];
  const entry = /\s*(\d+)\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*(?:,|$)/sy;
  const inside = text.slice(1, -1);
  while (entry.lastIndex < inside.trimEnd().length) {
    const match = entry.exec(inside);
    const index = Number(match?.[1]);
    if (match === null || index > 1_000_000) return undefined;
    labels[index] = (match[2] ?? match[3] ?? "").replaceAll(/\\(.)/gs, "$1");
  }
  return labels.length === 0 ? undefined : Array.from(labels, (label, index) => label ?? `class ${index}`);
}
