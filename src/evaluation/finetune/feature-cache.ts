import {
  closeSync,
  existsSync,
  ftruncateSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  truncateSync,
  writeSync,
  mkdirSync,
} from "node:fs";
import { join } from "node:path";
import { throwIfAborted } from "../../errors.ts";
import type { Dataset, DatasetItem } from "../../datasets/dataset.ts";
import { preprocess } from "../../image/preprocess.ts";
import type { NodeModel } from "../../node.ts";
import { concatBatch, type Tensor } from "../../tensor/tensor.ts";
import { findHead } from "./classifier-head.ts";

/** Feature vectors of a data set on disk: rows of floats, and a line of JSON for each. */
export interface FeatureCache {
  readonly count: number;
  readonly featureCount: number;
  /** Class indices of each image. */
  readonly labels: readonly (readonly number[])[];
  /** Feature rows `[n, F]` of the images with these positions. */
  rows(positions: readonly number[]): Tensor;
  close(): void;
}

interface CachedLine {
  readonly key: string;
  readonly labels: readonly number[];
}

/** Images are decoded and run in groups of this many. */
const groupSize = 16;

/**
 * Computes the features of every readable image of a data set, once: what is on disk already is kept, a half-written end
 * is cut off. Memory holds one group of images at a time.
 *
 * @param onSkip Told of images that cannot be read; they are left out.
 */
export async function cacheFeatures(
  model: NodeModel,
  dataset: Dataset,
  indices: readonly number[],
  folder: string,
  name: string,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: (done: number, total: number) => void;
    readonly onSkip?: (key: string, message: string) => void;
  } = {},
): Promise<FeatureCache> {
  mkdirSync(folder, { recursive: true });
  const featureCount = await countFeatures(model);
  const [dataPath, linesPath] = [join(folder, `${name}.f32`), join(folder, `${name}.jsonl`)];
  const lines = settle(dataPath, linesPath, featureCount);
  const done = new Set(lines.map(({ key }) => key));
  const [data, text] = [openSync(dataPath, "a"), openSync(linesPath, "a")];
  try {
    for (let start = 0; start < indices.length; start += groupSize) {
      throwIfAborted(options.signal);
      const items = indices
        .slice(start, start + groupSize)
        .map((index) => dataset.item(index))
        .filter(({ key }) => !done.has(key));
      const inputs: Tensor[] = [];
      const kept: DatasetItem[] = [];
      for (const item of items) {
        try {
          inputs.push(preprocess(await item.load(), model.preprocess, model).input);
          kept.push(item);
        } catch (error) {
          options.onSkip?.(item.key, error instanceof Error ? error.message : String(error));
        }
      }
      if (inputs.length > 0) {
        const features = await featuresOf(model, concatBatch(inputs), options.signal);
        // Data first: a line stands for a row that is there.
        writeSync(
          data,
          new Uint8Array(features.data.buffer, features.data.byteOffset, features.data.byteLength),
        );
        const added = kept.map((item): CachedLine => ({ key: item.key, labels: labelsOf(item) }));
        writeSync(text, added.map((line) => `${JSON.stringify(line)}\n`).join(""));
        lines.push(...added);
      }
      options.onProgress?.(Math.min(start + groupSize, indices.length), indices.length);
    }
  } finally {
    closeSync(data);
    closeSync(text);
  }
  const wanted = new Set(indices.map((index) => dataset.item(index).key));
  const positions = lines.flatMap(({ key }, position) => (wanted.has(key) ? [position] : []));
  const file = openSync(dataPath, "r");
  return {
    count: positions.length,
    featureCount,
    labels: positions.map((position) => lines[position]?.labels ?? []),
    rows(chosen) {
      const rows = new Float32Array(chosen.length * featureCount);
      const bytes = new Uint8Array(rows.buffer);
      const size = featureCount * 4;
      chosen.forEach((index, row) => readSync(file, bytes, row * size, size, (positions[index] ?? 0) * size));
      return { type: "float32", dims: [chosen.length, featureCount], data: rows };
    },
    close: () => closeSync(file),
  };
}

/** The classes of an image: its annotated categories, or its one label. */
function labelsOf(item: DatasetItem): readonly number[] {
  return (
    item.annotations?.map(({ categoryIndex }) => categoryIndex) ??
    (item.label === undefined ? [] : [item.label])
  );
}

/** Cuts both files to the rows that both have whole. */
function settle(dataPath: string, linesPath: string, featureCount: number): CachedLine[] {
  if (!existsSync(dataPath) || !existsSync(linesPath)) {
    for (const path of [dataPath, linesPath]) if (existsSync(path)) truncateSync(path, 0);
    return [];
  }
  const text = readFileSync(linesPath, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const file = openSync(dataPath, "r+");
  const rowCount = Math.floor(fstatSync(file).size / (4 * featureCount));
  const lines = whole
    .split("\n")
    .filter((line) => line !== "")
    .slice(0, rowCount);
  ftruncateSync(file, lines.length * 4 * featureCount);
  closeSync(file);
  truncateSync(linesPath, Buffer.byteLength(lines.map((line) => `${line}\n`).join("")));
  return lines.map((line) => JSON.parse(line) as CachedLine);
}

async function featuresOf(model: NodeModel, images: Tensor, signal?: AbortSignal): Promise<Tensor> {
  const { features } = findHead(model.network.graph, model.network.tail.logits);
  const { outputs } = await model.run(
    {
      key: "finetune/features",
      epilogue: (g) => ({ features: g.cast(features, "float32") }),
      outputs: ["features"],
    },
    { batched: { image: images } },
    { target: { index: 0 }, score: "logit", signal },
  );
  const value = outputs["features"];
  if (value === undefined) throw new Error("Internal error: the run gave no features");
  const count = images.dims[0] ?? 1;
  return { ...value, dims: [count, value.data.length / count] };
}

async function countFeatures(model: NodeModel): Promise<number> {
  const image: Tensor = {
    type: "float32",
    dims: [1, model.channels, model.height, model.width],
    data: new Float32Array(model.channels * model.height * model.width),
  };
  return (await featuresOf(model, image)).dims[1] ?? 0;
}
