import { ParameterError } from "../errors.ts";
import { coco } from "./coco-node.ts";
import type { Dataset } from "./dataset.ts";
import { imageFolder } from "./image-folder-node.ts";
import { imageList } from "./image-list-node.ts";
import { imagenet } from "./imagenet-node.ts";
import { mosaic } from "./mosaic.ts";

/**
 * Opens a data set by its description:
 * - `imagenet:DIR` or `imagenet:DIR,LABELS`;
 * - `folder:DIR`, or just `DIR`;
 * - `list:FILE`: lines `PATH-OR-URL[,LABEL[,SHA256]]`;
 * - `coco:IMAGES_DIR,ANNOTATIONS.json`;
 * - `mosaic:` before one of them: mosaics of 2 x 2 of its images.
 *
 * @param seed Of the shuffle that mosaics are made from.
 * @throws ParameterError for another description; DataError if the files are not what it says.
 */
export function openDataset(description: string, seed = 0): Dataset {
  const [, kind = "folder", rest = ""] = /^(?:([a-z]+):)?(.*)$/s.exec(description) ?? [];
  const [folder = "", file, ...more] = rest.split(",");
  const known =
    kind === "mosaic" || kind === "imagenet" || kind === "folder" || kind === "coco" || kind === "list";
  if (!known || rest === "" || more.length > 0 || (kind === "coco" && file === undefined)) {
    throw new ParameterError(
      `dataset: expected imagenet:DIR, imagenet:DIR,LABELS, folder:DIR, list:FILE, coco:IMAGES_DIR,ANNOTATIONS.json or mosaic:DATASET, got '${description}'.`,
    );
  }
  if (kind === "mosaic") return mosaic(openDataset(rest, seed), { seed });
  if (kind === "imagenet") return imagenet(folder, file);
  if (kind === "list") return imageList(folder);
  if (kind === "coco") return coco(folder, file ?? "");
  return imageFolder(rest);
}
