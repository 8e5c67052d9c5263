import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { DataError, ParameterError } from "../errors.ts";
import { classMapFor } from "../datasets/class-map.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { openDataset } from "../datasets/open-dataset-node.ts";
import type { Method } from "../methods/define-method.ts";
import { findMethod } from "../methods/index.ts";
import { parseParams } from "../methods/parameters.ts";
import { metricByName } from "../metrics/index.ts";
import { baselineMethods } from "./baseline-methods.ts";
import type { Configuration, ConfiguredModel, ConfiguredRow } from "./configuration.ts";
import type { Bench, BenchMetric, BenchModel, BenchRow } from "./evaluate-image.ts";
import { datasetIdentity } from "./evaluation-plan.ts";
import { loadConfiguredModel } from "./load-configured-model.ts";
import { randomizedStages } from "./randomized-model.ts";

export interface BenchOptions {
  readonly threads?: number;
  readonly strict?: boolean;
}

/** An opened bench; close it to free the models. */
export interface OpenBench {
  readonly bench: Bench;
  readonly dataset: Dataset;
  readonly close: () => Promise<void>;
}

/** A method of the table or one of the baselines. @throws ParameterError for another name. */
export function rowMethod(name: string): Method {
  return baselineMethods.find((method) => method.name === name) ?? findMethod(name);
}

/**
 * Loads the models and opens the data set of a configuration, and checks that they are still those that it was made with.
 * @throws DataError if a model or the images changed.
 */
export async function openBench(
  configuration: Configuration,
  options: BenchOptions = {},
): Promise<OpenBench> {
  const dataset = openDataset(configuration.dataset, configuration.seed);
  const found = datasetIdentity(dataset);
  if (found.sha256 !== configuration.images.sha256) {
    throw new DataError(
      `dataset: expected the ${configuration.images.count} images that the run was started with in '${configuration.dataset}', found ${found.count}, or others. ` +
        "Restore them, or start another run.",
    );
  }
  const rows = configuration.rows.map(openRow);
  const metrics = configuration.metrics.map(({ label, metric, params }): BenchMetric => {
    const found = metricByName(metric);
    return { label, metric: found, params: parseParams(found, params) };
  });
  const models: BenchModel[] = [];
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers) await closer();
  };
  try {
    for (const configured of configuration.models) {
      const opened = await openModel(configured, configuration, dataset, options);
      models.push(opened.entry);
      closers.push(opened.close);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const { target, threshold, seed } = configuration;
  return {
    bench: { models, rows, metrics, targets: { target, threshold }, seed, strict: options.strict === true },
    dataset,
    close,
  };
}

function openRow(row: ConfiguredRow): BenchRow {
  if (row.kind === "saved") return { kind: "saved", label: row.label, pattern: row.pattern };
  const method = rowMethod(row.method);
  return { kind: "method", label: row.label, method, params: parseParams(method, row.params) };
}

async function openModel(
  configured: ConfiguredModel,
  configuration: Configuration,
  dataset: Dataset,
  options: BenchOptions,
): Promise<{ readonly entry: BenchModel; readonly close: () => Promise<void> }> {
  const model = await loadConfiguredModel(configured, options.threads);
  const close = (): Promise<void> => model.close();
  const inputs = new Set(configured.feeds?.map((feed) => feed.name));
  const isAnnotated = configuration.target === "annotated";
  const classMap = isAnnotated ? annotatedClassMap(configuration, dataset, model.classCount) : undefined;
  return {
    entry: {
      name: configured.name,
      model,
      preprocess: model.preprocess,
      classMap,
      randomizedStages: (request, explainOn) =>
        randomizedStages(model, request, explainOn, { threads: options.threads, inputs }),
    },
    close,
  };
}

function annotatedClassMap(configuration: Configuration, dataset: Dataset, outputCount: number) {
  // Mosaics are made of labelled images: their categories are the labels.
  if (dataset.kind === "mosaic")
    return (dataset.classes ?? []).map((_, index) => [index + (outputCount === 1001 ? 1 : 0)]);
  if (dataset.kind !== "coco") {
    throw new ParameterError(
      `target: 'annotated' needs a data set with annotations (coco, mosaic), got '${configuration.dataset}'. Use predicted or label.`,
    );
  }
  const { classMap } = configuration;
  const file =
    classMap === undefined ? undefined : { name: basename(classMap.path), text: readChecked(classMap) };
  return classMapFor(dataset.classes ?? [], outputCount, file);
}

function readChecked({ path, sha256 }: { readonly path: string; readonly sha256: string }): string {
  const text = readFileSync(path, "utf8");
  if (textHash(text) === sha256) return text;
  throw new DataError(
    `class map: '${path}' changed since the run was started. Restore it, or start another run.`,
  );
}

/** SHA-256 of a text. */
export function textHash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
