import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { unzlibSync } from "fflate";
import { DataError } from "../errors.ts";
import { decodeImage } from "../image/decode-node.ts";
import { indexedDataset, type Dataset } from "./dataset.ts";
import { listImages } from "./image-folder-node.ts";
import { imagenetWnids } from "./imagenet-wnids.ts";

/**
 * ImageNet-1k photographs with their class, in any of the layouts in which they are kept:
 * - folders named by WordNet id (`n01440764/x.JPEG`), at any depth;
 * - the id in the file name (`n01440764_tench.JPEG`, `ILSVRC2012_val_00000001_n01751748.JPEG`);
 * - any names, with a file of labels: lines `name class` or CSV `name,class`, the class as WordNet id or index;
 * - the validation archive, with `ILSVRC2012_validation_ground_truth.txt` (one number a line, in the order of the file
 *   names) as the file of labels and `meta.mat` beside it, which says what the numbers mean.
 *
 * @param labelsFile Path of the file of labels, for the last two.
 * @throws DataError for images whose class cannot be told.
 */
export function imagenet(folder: string, labelsFile?: string): Dataset {
  const wnids = imagenetWnids();
  const indexOf = new Map(wnids.map((wnid, index) => [wnid, index]));
  const keys = listImages(folder);
  const labelOf = labelsFile === undefined ? undefined : readLabels(labelsFile, keys, indexOf);
  const labels = keys.map((key) => labelOf?.(key) ?? labelFromPath(key, indexOf));
  const missing = labels.indexOf(undefined);
  if (missing >= 0) {
    throw new DataError(
      `dataset: expected a WordNet id (n01440764) in the path of every image, or a file of labels, but '${keys[missing]}' in '${folder}' has neither. ` +
        "Give the labels with imagenet:DIR,LABELS, or use folder:DIR for images without classes.",
    );
  }
  return indexedDataset({
    kind: "imagenet",
    length: keys.length,
    classes: wnids,
    item(index) {
      const key = keys[index] ?? "";
      const path = join(folder, key);
      const label = labels[index];
      return { key, path, ...(label === undefined ? {} : { label }), load: () => decodeImage(path) };
    },
  });
}

function labelFromPath(key: string, indexOf: ReadonlyMap<string, number>): number | undefined {
  // The last id counts: a class folder may lie in a folder of another name, and the file name repeats the class.
  const ids = key.match(/(?<![a-z0-9])n\d{8}(?!\d)/g) ?? [];
  return indexOf.get(ids.at(-1) ?? "");
}

function readLabels(
  file: string,
  keys: readonly string[],
  indexOf: ReadonlyMap<string, number>,
): (key: string) => number | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new DataError(`dataset: expected a file of labels at '${file}', but it cannot be read.`);
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.every((line) => /^\d+$/.test(line.trim()))) return groundTruth(file, lines, keys, indexOf);
  const byName = new Map<string, number>();
  lines.forEach((line, index) => {
    const [name = "", value = ""] = line.split(/[,;\t ]+/);
    const label =
      indexOf.get(value) ?? (/^\d+$/.test(value) && Number(value) < indexOf.size ? Number(value) : undefined);
    // A heading is the only line that may have no class.
    if (label === undefined && index > 0) {
      throw new DataError(
        `${file}: expected a WordNet id or an index from 0 to ${indexOf.size - 1} in line ${index + 1}, got '${line}'.`,
      );
    }
    if (label !== undefined) byName.set(stem(name), label);
  });
  return (key) => byName.get(stem(key));
}

/** File names without folder and extension: label files differ in both. */
function stem(path: string): string {
  return basename(path).replace(/\.[^.]+$/, "");
}

function groundTruth(
  file: string,
  lines: readonly string[],
  keys: readonly string[],
  indexOf: ReadonlyMap<string, number>,
): (key: string) => number | undefined {
  if (lines.length !== keys.length) {
    throw new DataError(
      `${file}: expected one number for each of the ${keys.length} images, got ${lines.length}.`,
    );
  }
  const wnids = readMeta(join(file, "..", "meta.mat"));
  const labels = new Map(keys.map((key, index) => [key, indexOf.get(wnids[Number(lines[index]) - 1] ?? "")]));
  return (key) => labels.get(key);
}

/**
 * WordNet ids by ILSVRC2012_ID - 1, from the development kit's `meta.mat`: the compressed elements of a MATLAB 5 file, in
 * which the ids occur as text in the order of their numbers.
 */
function readMeta(path: string): readonly string[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch {
    throw new DataError(
      `dataset: a ground-truth file holds numbers of the development kit; expected its table at '${path}'. ` +
        "Copy meta.mat there, or use labels with WordNet ids.",
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Set<string>();
  for (let offset = 128; offset + 8 <= bytes.length;) {
    const [type, length] = [view.getUint32(offset, true), view.getUint32(offset + 4, true)];
    const element = bytes.subarray(offset + 8, offset + 8 + length);
    const content = type === 15 ? unzlibSync(element) : element;
    // Text is stored in one or two bytes a character.
    const text = new TextDecoder("latin1").decode(content.filter((byte) => byte !== 0));
    for (const [wnid] of text.matchAll(/n\d{8}/g)) found.add(wnid);
    offset += 8 + length;
  }
  if (found.size < 1000) {
    throw new DataError(
      `${path}: expected the development kit's table of at least 1000 classes, found ${found.size}.`,
    );
  }
  return [...found];
}
