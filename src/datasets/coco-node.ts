import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import { decodeImage } from "../image/decode-node.ts";
import { parseCocoInstances, type CocoOptions } from "./coco.ts";
import { indexedDataset, type Dataset } from "./dataset.ts";

/**
 * COCO photographs with the regions of their categories. Images without annotations are left out.
 * @param images Folder of the photographs.
 * @param annotations Path of `instances_*.json`.
 */
export function coco(images: string, annotations: string, options: CocoOptions = {}): Dataset {
  let text: string;
  try {
    text = readFileSync(annotations, "utf8");
  } catch {
    throw new DataError(
      `dataset: expected COCO annotations at '${annotations}', but the file cannot be read.`,
    );
  }
  const { categories, images: list } = parseCocoInstances(text, annotations, options);
  return indexedDataset({
    kind: "coco",
    length: list.length,
    classes: categories,
    item(index) {
      const image = list[index];
      const key = image?.fileName ?? "";
      const path = join(images, key);
      return { key, path, annotations: image?.annotations ?? [], load: () => decodeImage(path) };
    },
  });
}
