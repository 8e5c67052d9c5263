import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import { decodeImage } from "../image/decode-node.ts";
import { indexedDataset, type Dataset } from "./dataset.ts";

const imageName = /\.(jpe?g|png|webp|gif|tiff?|bmp|avif)$/i;

/**
 * Paths of the images below a folder, relative to it, with `/`, sorted by code units: the same on every machine.
 * @throws DataError if there is no such folder or no image in it.
 */
export function listImages(folder: string): readonly string[] {
  let isFolder = false;
  try {
    isFolder = statSync(folder).isDirectory();
  } catch {
    // Told below.
  }
  if (!isFolder)
    throw new DataError(`dataset: expected a folder of images, but there is no folder '${folder}'.`);
  const found: string[] = [];
  const visit = (relative: string): void => {
    for (const entry of readdirSync(join(folder, relative), { withFileTypes: true })) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (imageName.test(entry.name)) found.push(path);
    }
  };
  visit("");
  if (found.length === 0) {
    throw new DataError(
      `dataset: expected images in '${folder}', found none (JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF).`,
    );
  }
  return found.sort((a, b) => (a < b ? -1 : 1));
}

/** Any images below a folder, without labels: the target is what the network predicts. */
export function imageFolder(folder: string): Dataset {
  const keys = listImages(folder);
  return indexedDataset({
    kind: "folder",
    length: keys.length,
    item(index) {
      const key = keys[index] ?? "";
      const path = join(folder, key);
      return { key, path, load: () => decodeImage(path) };
    },
  });
}
