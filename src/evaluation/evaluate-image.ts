import { AbortedError, ExplainError, throwIfAborted, WriteError } from "../errors.ts";
import type { ClassMap } from "../datasets/class-map.ts";
import type { DatasetItem } from "../datasets/dataset.ts";
import type { DecodedImage } from "../image/decoded-image.ts";
import { preprocess, type Preprocess, type PreprocessedImage } from "../image/preprocess.ts";
import type { SaliencyMap } from "../image/saliency-map.ts";
import type { Method } from "../methods/define-method.ts";
import { explain } from "../methods/explain.ts";
import {
  createMemo,
  type Memo,
  type Metric,
  type MetricContext,
  type RandomizedStage,
} from "../metrics/define-metric.ts";
import { randomStream } from "../random/random-stream.ts";
import type { Model } from "../runtime/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  mapKey,
  type FailureRecord,
  type MapRecord,
  type MetricValue,
  type RunRecord,
  type TargetsRecord,
} from "./records.ts";
import { readSavedMap, savedMapPath } from "./saved-map.ts";
import { predictedClass, trialTargets, type TargetRequest, type TrialTarget } from "./trial-targets.ts";

/** A model under evaluation. */
export interface BenchModel {
  readonly name: string;
  readonly model: Model;
  readonly preprocess: Preprocess;
  readonly classMap?: ClassMap | undefined;
  /** Networks with weights drawn anew, for the parameter randomisation test. */
  readonly randomizedStages?: (
    request: {
      readonly mode: "cascading" | "independent";
      readonly initializer: "match-std" | "permute" | "he";
      readonly seed: number;
    },
    explainOn: (model: Model) => Promise<SaliencyMap>,
  ) => AsyncIterable<RandomizedStage>;
}

/** A row of the tables: where its maps come from. */
export type BenchRow =
  | {
      readonly kind: "method";
      readonly label: string;
      readonly method: Method;
      readonly params: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "saved"; readonly label: string; readonly pattern: string };

export interface BenchMetric {
  readonly label: string;
  readonly metric: Metric;
  /** Parsed: complete. */
  readonly params: Readonly<Record<string, unknown>>;
}

/** All that is needed to evaluate images, whoever decides which. */
export interface Bench {
  readonly models: readonly BenchModel[];
  readonly rows: readonly BenchRow[];
  readonly metrics: readonly BenchMetric[];
  readonly targets: Omit<TargetRequest, "classMap">;
  readonly seed: number;
  /** True: the first failure ends the run. */
  readonly strict: boolean;
}

/** What the run knows already, and where records go. */
export interface ImageJournal {
  isDone(key: string): boolean;
  /** Targets of an image and model from an earlier record. */
  knownTargets(model: string, image: string): readonly TrialTarget[] | undefined;
  append(record: RunRecord): void;
  /** Called with every map, for saving. */
  onMap?(map: SaliencyMap, record: MapRecord): Promise<void> | void;
}

/** Makes and measures every map of an image that is not done yet. Failures become records; an abort and a full disk reject. */
export async function evaluateImage(
  bench: Bench,
  item: DatasetItem,
  journal: ImageJournal,
  signal?: AbortSignal,
): Promise<void> {
  let decoded: Promise<DecodedImage> | undefined;
  for (const entry of bench.models) {
    throwIfAborted(signal);
    if (isComplete(bench, entry, item, journal)) continue;
    try {
      decoded ??= item.load();
      const prepared = preprocess(await decoded, entry.preprocess, entry.model);
      await evaluateModel(bench, entry, item, prepared, journal, signal);
    } catch (error) {
      const record: FailureRecord = {
        kind: "failure",
        image: item.key,
        model: entry.name,
        ...failureOf(error, bench.strict),
      };
      if (!journal.isDone(`image|${entry.name}|${item.key}`)) journal.append(record);
    }
  }
}

function isComplete(bench: Bench, entry: BenchModel, item: DatasetItem, journal: ImageJournal): boolean {
  if (journal.isDone(`image|${entry.name}|${item.key}`)) return true;
  const targets = journal.knownTargets(entry.name, item.key);
  return (
    targets !== undefined &&
    targets.every(({ index }) =>
      bench.rows.every((row) => journal.isDone(mapKey(entry.name, row.label, index, item.key))),
    )
  );
}

async function evaluateModel(
  bench: Bench,
  entry: BenchModel,
  item: DatasetItem,
  prepared: PreprocessedImage,
  journal: ImageJournal,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { model } = entry;
  const logits = await model.logits(prepared.input, { signal });
  let targets = journal.knownTargets(entry.name, item.key);
  if (targets === undefined) {
    targets = trialTargets(item, logits.data, model.probabilityKind, {
      ...bench.targets,
      classMap: entry.classMap,
    });
    const record: TargetsRecord = {
      kind: "targets",
      image: item.key,
      model: entry.name,
      predicted: predictedClass(logits.data),
      ...(item.label === undefined ? {} : { label: item.label }),
      targets: targets.map((target) => ({ ...target, probability: round(target.probability) })),
    };
    journal.append(record);
  }
  const imageMemo = createMemo();
  for (const target of targets) {
    for (const row of bench.rows) {
      throwIfAborted(signal);
      if (journal.isDone(mapKey(entry.name, row.label, target.index, item.key))) continue;
      const trial = { bench, entry, item, prepared, logits, target, row, imageMemo, signal };
      try {
        const { map, record } = await evaluateMap(trial);
        await journal.onMap?.(map, record);
        journal.append(record);
      } catch (error) {
        journal.append({
          kind: "failure",
          image: item.key,
          model: entry.name,
          row: row.label,
          target: target.index,
          ...failureOf(error, bench.strict),
        });
      }
    }
  }
}

interface Trial {
  readonly bench: Bench;
  readonly entry: BenchModel;
  readonly item: DatasetItem;
  readonly prepared: PreprocessedImage;
  readonly logits: Tensor;
  readonly target: TrialTarget;
  readonly row: BenchRow;
  readonly imageMemo: Memo;
  readonly signal: AbortSignal | undefined;
}

async function evaluateMap(trial: Trial): Promise<{ readonly map: SaliencyMap; readonly record: MapRecord }> {
  const { bench, entry, item, target, row } = trial;
  const { map, cost, unfinished } = await makeMap(trial, entry.model);
  const started = performance.now();
  const metrics: Record<string, MetricValue> = {};
  const failedMetrics: Record<string, string> = {};
  const mapMemo = createMemo();
  for (const { label, metric, params } of bench.metrics) {
    try {
      metrics[label] = compact(await metric.evaluate(metricContext(trial, map, mapMemo, params)));
    } catch (error) {
      failedMetrics[label] = failureOf(error, bench.strict).message;
    }
  }
  const record: MapRecord = {
    kind: "map",
    image: item.key,
    model: entry.name,
    row: row.label,
    target: { index: target.index, ...(target.category === undefined ? {} : { category: target.category }) },
    probability: round(target.probability),
    metrics,
    ...(Object.keys(failedMetrics).length > 0 && { failedMetrics }),
    ...(map.degenerate && { degenerate: map.degenerate }),
    cost: { ...cost, metricSeconds: round((performance.now() - started) / 1000) },
    ...(unfinished && { unfinished }),
  };
  return { map, record };
}

async function makeMap(trial: Trial, model: Model) {
  const { bench, entry, item, prepared, logits, target, row, signal } = trial;
  if (row.kind === "saved") {
    const path = savedMapPath(row.pattern, { key: item.key, model: entry.name, target: target.index });
    return { map: await readSavedMap(path, model), cost: { f: 0, fb: 0, seconds: 0 }, unfinished: false };
  }
  const { map, record } = await explain({
    model,
    input: prepared.input,
    method: row.method,
    target: target.index,
    params: row.params,
    seed: bench.seed,
    imageKey: item.key,
    logits,
    signal,
  });
  const { counts, elapsedMs, unfinished } = record;
  return {
    map,
    cost: { f: counts.forward, fb: counts.gradient, seconds: round(elapsedMs / 1000) },
    unfinished: unfinished !== undefined,
  };
}

function metricContext(
  trial: Trial,
  map: SaliencyMap,
  mapMemo: Memo,
  params: Readonly<Record<string, unknown>>,
): MetricContext<Record<string, unknown>> {
  const { bench, entry, item, prepared, target, imageMemo, signal } = trial;
  const annotation = item.annotations?.find(({ categoryIndex }) => categoryIndex === target.category);
  const stages = entry.randomizedStages;
  return {
    model: entry.model,
    input: prepared.input,
    target: { index: target.index },
    map,
    params: { ...params },
    // Without the method's name: all maps of an image meet the same random removals.
    random: (...keys) => randomStream(bench.seed, item.key, "metric", ...keys),
    signal,
    imageMemo,
    mapMemo,
    ...(annotation && {
      region: imageMemo(`region/${annotation.categoryIndex}`, () => ({
        ...annotation.region(),
        placement: prepared.placement,
      })),
    }),
    ...(stages && {
      randomizedStages: (request) => stages(request, async (model) => (await makeMap(trial, model)).map),
    }),
  };
}

/** Curves without an `x` that goes without saying, and five significant digits: a run has millions of points. */
function compact({ score, curve, details }: Awaited<ReturnType<Metric["evaluate"]>>): MetricValue {
  const last = (curve?.x.length ?? 0) - 1;
  const isEven = curve?.x.every((value, index) => Math.abs(value - index / last) < 1e-9) === true;
  return {
    score: score === null || !Number.isFinite(score) ? null : score,
    ...(curve && { curve: { ...(isEven ? {} : { x: curve.x.map(round) }), y: curve.y.map(round) } }),
    ...(details && { details }),
  };
}

function round(value: number): number {
  return Number(value.toPrecision(5));
}

function failureOf(error: unknown, strict: boolean): { readonly code: string; readonly message: string } {
  if (error instanceof AbortedError || error instanceof WriteError || strict) throw error;
  if (error instanceof ExplainError) return { code: error.code, message: error.message };
  return { code: "INTERNAL", message: error instanceof Error ? error.message : String(error) };
}
