import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { DataError } from "../errors.ts";
import type { SaliencyMap } from "../image/saliency-map.ts";
import { upsampleBilinear } from "../image/upsample.ts";
import { readNpyFloat32, writeNpy } from "../tensor/npy.ts";
import { readNpz } from "../tensor/npz.ts";
import type { AnyTensor } from "../tensor/tensor.ts";

/** What `{stem}`, `{key}`, `{target}` and `{model}` in a pattern stand for. */
export interface MapNames {
  readonly key: string;
  readonly model: string;
  readonly target: number;
}

/** The path of a saved map: a pattern with the names put in. */
export function savedMapPath(pattern: string, { key, model, target }: MapNames): string {
  const stem = basename(key).replace(/\.[^.]+$/, "");
  const values: Readonly<Record<string, string>> = { stem, key, model, target: String(target) };
  return pattern.replace(/\{(stem|key|model|target)\}/g, (_, name: string) => values[name] ?? "");
}

/**
 * Reads a map that another program saved: .npy, or the first array of an .npz; `[H, W]` with leading axes of size 1
 * allowed. Maps of another size are interpolated (bilinear, half pixel).
 *
 * @throws DataError if it is missing or no such array.
 */
export async function readSavedMap(
  path: string,
  size: { readonly width: number; readonly height: number },
): Promise<SaliencyMap> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch {
    throw new DataError(`saved map: expected a .npy or .npz file at '${path}', but it cannot be read.`);
  }
  const array = path.endsWith(".npz") ? firstArray(bytes, path) : readNpyFloat32(bytes, path);
  const dims = array.dims.filter((dim, axis) => dim !== 1 || axis >= array.dims.length - 2);
  const [height, width] = dims;
  if (dims.length !== 2 || height === undefined || width === undefined) {
    throw new DataError(
      `${path}: expected an array [H, W], got [${array.dims.join(", ")}]. Save one map a file.`,
    );
  }
  return upsampleBilinear(
    { width, height, values: Float32Array.from(array.data as Float32Array, Number) },
    size.width,
    size.height,
  );
}

function firstArray(bytes: Uint8Array, path: string): AnyTensor {
  const [array] = Object.values(readNpz(bytes, path));
  if (array === undefined) throw new DataError(`${path}: expected an array, got an empty archive.`);
  return readNpyFloat32(writeNpy(array), path);
}
