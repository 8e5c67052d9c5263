import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DataError, ShapeError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { InputShape } from "./array-input.ts";
import { decodeImage } from "./decode-node.ts";
import { preprocess, type Preprocess } from "./preprocess.ts";

/** True if a path is a folder. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * The volume `[1, C, D, H, W]` of a folder of pictures, one a slice, in the order of their names (`slice2` before `slice10`).
 * Each is made to fit and normalised as a photograph is.
 * @throws {@link ShapeError} if there are more or fewer pictures than slices; {@link DataError} if one is no picture.
 */
export async function readSlices(
  folder: string,
  description: Preprocess,
  { channels, depth = 1, height, width }: InputShape,
): Promise<Tensor> {
  const files = readdirSync(folder)
    .filter((file) => /\.(png|jpe?g|tiff?|webp|avif|gif)$/i.test(file))
    .toSorted(new Intl.Collator("en", { numeric: true }).compare);
  if (files.length === 0) throw new DataError(`${folder}: expected a picture a slice, got none.`);
  if (files.length !== depth) {
    throw new ShapeError(
      `${folder}: expected ${depth} slices, which the model takes, got ${files.length} pictures. Choose or resample them.`,
    );
  }
  const area = height * width;
  const data = new Float32Array(channels * depth * area);
  for (const [slice, file] of files.entries()) {
    const { input } = preprocess(await decodeImage(join(folder, file)), description, {
      channels,
      height,
      width,
    });
    for (let channel = 0; channel < channels; channel++)
      data.set(input.data.subarray(channel * area, (channel + 1) * area), (channel * depth + slice) * area);
  }
  return { type: "float32", dims: [1, channels, depth, height, width], data };
}
