import { z } from "zod";
import { DataError, ParameterError } from "../errors.ts";
import { imagenetToCoco } from "./imagenet-to-coco.ts";

/** The network outputs that mean each category of a data set, by category index; empty where there is none. */
export type ClassMap = readonly (readonly number[])[];

const classMapFile = z.record(z.string(), z.array(z.int().min(0)));

/**
 * Which outputs of a network stand for the categories of a data set: the file if there is one (JSON: category name to a
 * list of outputs), else one output a category where the numbers agree, else the shipped map for 1000 ImageNet classes.
 *
 * @throws ParameterError if none of these applies; DataError for a file that does not fit.
 */
export function classMapFor(
  categories: readonly string[],
  outputCount: number,
  file?: { readonly name: string; readonly text: string },
): ClassMap {
  if (file !== undefined) return fromFile(categories, outputCount, file);
  if (outputCount === categories.length) return categories.map((_, index) => [index]);
  if (outputCount === 1000) return categories.map((category) => imagenetToCoco[category] ?? []);
  throw new ParameterError(
    `dataset: expected a network with ${categories.length} outputs (one a category) or 1000 (ImageNet), got ${outputCount}. ` +
      "Give a map from categories to outputs with --class-map FILE.json.",
  );
}

function fromFile(
  categories: readonly string[],
  outputCount: number,
  file: { readonly name: string; readonly text: string },
): ClassMap {
  let map: Readonly<Record<string, readonly number[]>>;
  try {
    map = classMapFile.parse(JSON.parse(file.text));
  } catch {
    throw new DataError(
      `${file.name}: expected a JSON object from category names to lists of output indices, such as {"dog": [151, 152]}.`,
    );
  }
  for (const [category, outputs] of Object.entries(map)) {
    if (!categories.includes(category)) {
      throw new DataError(
        `${file.name}: the data set has no category '${category}'. It has: ${categories.join(", ")}.`,
      );
    }
    const wrong = outputs.find((output) => output >= outputCount);
    if (wrong !== undefined) {
      throw new DataError(
        `${file.name}: '${category}' names output ${wrong}, but the network has ${outputCount}.`,
      );
    }
  }
  return categories.map((category) => map[category] ?? []);
}
