import { existsSync, readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { ParameterError, throwIfAborted } from "../../errors.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import type { NodeModel } from "../../node.ts";
import { randomStream } from "../../random/random-stream.ts";
import type { Runtime } from "../../runtime/session.ts";
import { writeModelFile } from "../../runtime/write-model-node.ts";
import { readNpz, writeNpz } from "../../tensor/npz.ts";
import { filled, tensor, type Tensor } from "../../tensor/tensor.ts";
import { writeWhole } from "../run-folder.ts";
import { replaceHead } from "./classifier-head.ts";
import { cacheFeatures, type FeatureCache } from "./feature-cache.ts";
import { createAdam, createHeadLoss, type Adam, type HeadLoss, type HeadWeights } from "./head-trainer.ts";

export interface FinetuneOptions {
  readonly model: NodeModel;
  readonly training: Dataset;
  readonly trainingIndices: readonly number[];
  /** Another data set of the same classes; without it a tenth of the training images is held back. */
  readonly validation?: { readonly dataset: Dataset; readonly indices: readonly number[] };
  /** Path of the new model; labels and preprocessing are written beside it. */
  readonly out: string;
  /** Folder of cached features and of the state from which an interrupted training goes on. */
  readonly workFolder: string;
  readonly runtime: Runtime;
  /** Passes over the images. */
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Epochs without a better validation loss after which training stops. */
  readonly patience: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onFeatures?: (done: number, total: number) => void;
  readonly onEpoch?: (epoch: EpochResult) => void;
  readonly onSkip?: (key: string, message: string) => void;
}

export interface EpochResult {
  /** From 1. */
  readonly epoch: number;
  readonly trainingLoss: number;
  readonly validationLoss: number;
  /** Of the classes given more than 0.5, the share that is right; `null` if none is. */
  readonly precision: number | null;
  /** Of the right classes, the share given more than 0.5. */
  readonly recall: number;
  readonly isBest: boolean;
}

/** What a training must share with the state it goes on from. */
function fingerprint(options: FinetuneOptions, train: FeatureCache, classCount: number): string {
  const { model, batchSize, learningRate, seed } = options;
  return createHash("sha256")
    .update(
      JSON.stringify([
        model.description.sha256,
        batchSize,
        learningRate,
        seed,
        train.count,
        train.featureCount,
        classCount,
      ]),
    )
    .digest("hex");
}

/**
 * Gives a classifier another last layer, trained with binary cross-entropy on the features that the network computes:
 * the multi-label COCO classifier of the paper from any ImageNet network. Features are cached on disk, minibatches are
 * read from there, and the state is saved after every epoch. The weights of the epoch with the lowest validation loss are
 * written.
 *
 * @throws ParameterError if the data set has no classes.
 */
export async function finetune(options: FinetuneOptions): Promise<readonly EpochResult[]> {
  const { training, runtime, signal, workFolder } = options;
  const { classes } = training;
  if (classes === undefined) {
    throw new ParameterError(
      `dataset: expected a data set with classes (coco, imagenet), got a ${training.kind}.`,
    );
  }
  const { train, validation } = await loadFeatures(options);
  const loss = await createHeadLoss(runtime, train.featureCount, classes.length);
  try {
    const mark = fingerprint(options, train, classes.length);
    const state = resume(workFolder, mark, options, train.featureCount, classes.length);
    while (state.history.length < options.epochs && epochsSinceBest(state.history) < options.patience) {
      throwIfAborted(signal);
      const epoch = state.history.length + 1;
      const trainingLoss = await trainEpoch(options, loss, train, state, classes.length, epoch);
      const measured = await measure(loss, validation, state.current, classes.length, options.batchSize);
      const best = Math.min(...state.history.map(({ validationLoss }) => validationLoss));
      const result = { epoch, trainingLoss, ...measured, isBest: measured.validationLoss < best };
      state.history.push(result);
      if (result.isBest) state.best = copied(state.current);
      save(workFolder, mark, state);
      options.onEpoch?.(result);
    }
    await write(options, state.best, classes);
    return state.history;
  } finally {
    await loss.release();
    train.close();
    validation.close();
  }
}

async function loadFeatures(
  options: FinetuneOptions,
): Promise<{ readonly train: FeatureCache; readonly validation: FeatureCache }> {
  const { model, training, trainingIndices, validation, workFolder, seed, signal, onFeatures, onSkip } =
    options;
  const cache = (dataset: Dataset, indices: readonly number[], name: string): Promise<FeatureCache> =>
    cacheFeatures(model, dataset, indices, join(workFolder, model.description.sha256.slice(0, 12)), name, {
      signal,
      ...(onFeatures && { onProgress: onFeatures }),
      ...(onSkip && { onSkip }),
    });
  if (validation !== undefined) {
    return {
      train: await cache(training, trainingIndices, "training"),
      validation: await cache(validation.dataset, validation.indices, "validation"),
    };
  }
  const random = randomStream(seed, "hold-out");
  const order = trainingIndices
    .map((index) => ({ index, draw: random.uniform() }))
    .sort((a, b) => a.draw - b.draw);
  const heldBack = Math.max(1, Math.round(order.length / 10));
  const pick = (list: typeof order): readonly number[] =>
    list.map(({ index }) => index).sort((a, b) => a - b);
  return {
    train: await cache(training, pick(order.slice(heldBack)), "training"),
    validation: await cache(training, pick(order.slice(0, heldBack)), "held-back"),
  };
}

interface TrainingState {
  current: HeadWeights;
  best: HeadWeights;
  readonly adam: Adam;
  readonly history: EpochResult[];
}

async function trainEpoch(
  options: FinetuneOptions,
  loss: HeadLoss,
  train: FeatureCache,
  state: TrainingState,
  classCount: number,
  epoch: number,
): Promise<number> {
  const random = randomStream(options.seed, "epoch", epoch);
  const order = Array.from({ length: train.count }, (_, index) => ({ index, draw: random.uniform() }))
    .sort((a, b) => a.draw - b.draw)
    .map(({ index }) => index);
  let total = 0;
  for (let start = 0; start < order.length; start += options.batchSize) {
    throwIfAborted(options.signal);
    const positions = order.slice(start, start + options.batchSize);
    const step = await loss.step(
      train.rows(positions),
      labelRows(train, positions, classCount),
      state.current,
    );
    total += step.loss * positions.length;
    state.adam.update(
      [state.current.weight.data, state.current.bias.data],
      [step.weightGradient.data, step.biasGradient.data],
    );
  }
  return total / order.length;
}

async function measure(
  loss: HeadLoss,
  cache: FeatureCache,
  weights: HeadWeights,
  classCount: number,
  batchSize: number,
): Promise<Pick<EpochResult, "validationLoss" | "precision" | "recall">> {
  const counts = { hits: 0, claimed: 0, right: 0 };
  let total = 0;
  for (let start = 0; start < cache.count; start += batchSize) {
    const positions = Array.from(
      { length: Math.min(batchSize, cache.count - start) },
      (_, offset) => start + offset,
    );
    const labels = labelRows(cache, positions, classCount);
    const { loss: value, logits } = await loss.step(cache.rows(positions), labels, weights);
    total += value * positions.length;
    logits.data.forEach((logit, index) => {
      const isRight = labels.data[index] === 1;
      if (isRight) counts.right++;
      if (logit > 0) counts.claimed++;
      if (isRight && logit > 0) counts.hits++;
    });
  }
  return {
    validationLoss: total / cache.count,
    precision: counts.claimed === 0 ? null : counts.hits / counts.claimed,
    recall: counts.right === 0 ? 0 : counts.hits / counts.right,
  };
}

function labelRows(cache: FeatureCache, positions: readonly number[], classCount: number): Tensor {
  const rows = filled([positions.length, classCount]);
  positions.forEach((position, row) => {
    for (const label of cache.labels[position] ?? []) rows.data[row * classCount + label] = 1;
  });
  return rows;
}

function epochsSinceBest(history: readonly EpochResult[]): number {
  const last = history.findLastIndex(({ isBest }) => isBest);
  return last < 0 ? 0 : history.length - 1 - last;
}

function copied({ weight, bias }: HeadWeights): HeadWeights {
  return { weight: { ...weight, data: weight.data.slice() }, bias: { ...bias, data: bias.data.slice() } };
}

function statePath(folder: string): string {
  return join(folder, "training.npz");
}

/** The state of an interrupted training with the same settings, or the start: zeros, at which every class has 0.5. */
function resume(
  folder: string,
  mark: string,
  options: FinetuneOptions,
  featureCount: number,
  classCount: number,
): TrainingState {
  const shape = { weight: [classCount, featureCount], bias: [classCount] };
  const adam = createAdam([classCount * featureCount, classCount], options.learningRate);
  const historyPath = join(folder, "training.json");
  if (existsSync(historyPath) && existsSync(statePath(folder))) {
    const saved = JSON.parse(readFileSync(historyPath, "utf8")) as {
      mark: string;
      step: number;
      history: EpochResult[];
    };
    const arrays = readNpz(readFileSync(statePath(folder)), statePath(folder));
    const step = Number(arrays["step"]?.data[0] ?? -1);
    // The two files are written one after the other: they belong together only if they say so.
    if (saved.mark === mark && step === saved.step) {
      const take = (name: string, dims: readonly number[]): Tensor =>
        tensor(Float32Array.from(arrays[name]?.data as Float32Array), dims);
      adam.state.step = saved.step;
      adam.state.first.forEach((values, index) => values.set(arrays[`first${index}`]?.data as Float32Array));
      adam.state.second.forEach((values, index) =>
        values.set(arrays[`second${index}`]?.data as Float32Array),
      );
      return {
        current: { weight: take("weight", shape.weight), bias: take("bias", shape.bias) },
        best: { weight: take("bestWeight", shape.weight), bias: take("bestBias", shape.bias) },
        adam,
        history: saved.history,
      };
    }
  }
  const zeros = (): HeadWeights => ({ weight: filled(shape.weight), bias: filled(shape.bias) });
  return { current: zeros(), best: zeros(), adam, history: [] };
}

function save(folder: string, mark: string, { current, best, adam, history }: TrainingState): void {
  const { step, first, second } = adam.state;
  const flat = (data: Float32Array): Tensor => tensor(data, [data.length]);
  const arrays: Record<string, Tensor> = {
    step: tensor([step], [1]),
    weight: flat(current.weight.data),
    bias: flat(current.bias.data),
    bestWeight: flat(best.weight.data),
    bestBias: flat(best.bias.data),
  };
  first.forEach((data, index) => (arrays[`first${index}`] = flat(data)));
  second.forEach((data, index) => (arrays[`second${index}`] = flat(data)));
  writeWhole(statePath(folder), writeNpz(arrays));
  writeWhole(join(folder, "training.json"), `${JSON.stringify({ mark, step, history }, undefined, 2)}\n`);
}

async function write(
  { model, out }: FinetuneOptions,
  weights: HeadWeights,
  classes: readonly string[],
): Promise<void> {
  const { onnx, network } = model;
  const { resize, normalization } = model.preprocess;
  const graph = replaceHead(onnx.graph, network.tail.output, weights.weight, weights.bias);
  await writeModelFile(out, { ...onnx, graph });
  const stem = out.replace(/\.onnx$/i, "");
  writeWhole(`${stem}.labels.txt`, `${classes.join("\n")}\n`);
  writeWhole(`${stem}.preprocess.json`, `${JSON.stringify({ resize, ...normalization }, undefined, 2)}\n`);
}
