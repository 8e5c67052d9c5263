import { createHash } from "node:crypto";
import { ParameterError } from "../errors.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { shuffled } from "../datasets/mosaic.ts";

/** Shard `index` (from 1) of `count`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Reads `K/N`. @throws ParameterError for anything else. */
export function parseShard(text: string): Shard {
  const [, first, second] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const [index, count] = [Number(first), Number(second)];
  if (first !== undefined && index >= 1 && index <= count) return { index, count };
  throw new ParameterError(`shard: expected K/N with K from 1 to N, such as 3/8, got '${text}'.`);
}

/**
 * The images of a run, by index in the data set, in order: all of them, or the first `limit` of a seeded shuffle, so that a
 * larger limit adds images to a smaller one's. A shard takes every `count`-th.
 */
export function plannedImages(
  length: number,
  seed: number,
  limit?: number,
  shard?: Shard,
): readonly number[] {
  const chosen =
    limit === undefined || limit >= length
      ? Array.from({ length }, (_, index) => index)
      : shuffled(length, seed)
          .slice(0, limit)
          .sort((a, b) => a - b);
  return shard === undefined
    ? chosen
    : chosen.filter((_, position) => position % shard.count === shard.index - 1);
}

/** The number of images of a data set and a digest of their keys. */
export function datasetIdentity(dataset: Dataset): { readonly count: number; readonly sha256: string } {
  const hash = createHash("sha256");
  for (let index = 0; index < dataset.length; index++) hash.update(`${dataset.item(index).key}\n`);
  return { count: dataset.length, sha256: hash.digest("hex") };
}
