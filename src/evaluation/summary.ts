import { metricByName } from "../metrics/index.ts";
import type { Metric } from "../metrics/define-metric.ts";
import { readRecords, recordKey, type FailureRecord, type MapRecord, type RunRecord } from "./records.ts";
import type { Configuration } from "./configuration.ts";
import { joinRuns, type JoinedRuns } from "./join-runs.ts";
import { addCurve, meanCurve, type CurveSums, type MeanCurve } from "./mean-curve.ts";
import type { RunFile } from "./run-folder.ts";
import { estimate, pairedSignificance, type Estimate, type Observation } from "./statistics.ts";

/** A metric of a row on a model. */
export interface Cell extends Estimate {
  readonly model: string;
  readonly row: string;
  readonly metric: string;
  readonly isBest: boolean;
  /** Paired p-value against the best row; `null` for the best itself and where images do not pair. */
  readonly pValue: number | null;
  readonly curve?: MeanCurve;
  /** Maps for which the metric was not defined. */
  readonly undefinedCount: number;
}

/** What a row's maps cost on a model, on average. */
export interface CostCell {
  readonly model: string;
  readonly row: string;
  readonly count: number;
  readonly f: number;
  readonly fb: number;
  readonly seconds: number;
  readonly metricSeconds: number;
  /** Degenerate maps by reason. */
  readonly degenerate: Readonly<Record<string, number>>;
  readonly unfinished: number;
}

/** A run in numbers: what every form of report is made of. */
export interface Summary {
  readonly configuration: Configuration;
  /** Several where slow methods were measured on fewer images, in a run of their own. */
  readonly runs: readonly RunFile[];
  readonly folders: readonly string[];
  readonly models: readonly string[];
  readonly rows: readonly string[];
  readonly metrics: readonly { readonly label: string; readonly metric: Metric }[];
  readonly cells: readonly Cell[];
  /** Means over the models of each image's scores, where there are several models. */
  readonly acrossModels: readonly Cell[];
  readonly costs: readonly CostCell[];
  readonly failures: readonly FailureRecord[];
  /** Images of the plan, those that are done, and those of which there are maps: not all need have a class to explain. */
  readonly images: { readonly planned: number; readonly done: number; readonly explained: number };
  /** Share of images whose label the model ranks first; absent without labels. */
  readonly accuracy: Readonly<Record<string, number>>;
  /** Scores by image, for choosing examples: `model|row|metric` to image and target. */
  readonly scores: ReadonlyMap<string, readonly ScoredMap[]>;
  /** The same over the maps that all rows have, where some rows have far fewer than others: only these compare like with like. */
  readonly common?: Summary;
}

export interface ScoredMap {
  readonly image: string;
  readonly target: { readonly index: number; readonly category?: number };
  readonly score: number;
}

interface CellState {
  readonly observations: (Observation & { readonly target: MapRecord["target"] })[];
  undefinedCount: number;
  curve: CurveSums | undefined;
}

/** Rows with less than this share of the maps of another make a table of their own; below that it is failures. */
const alikeShare = 0.95;

/** Reads the records of a run, or of runs that go together, and makes its numbers. */
export async function summarize(folder: string): Promise<Summary> {
  const [joined] = joinRuns([folder]);
  if (joined === undefined) throw new Error("Internal error: no run");
  return summarizeRuns(joined);
}

/** The numbers of joined runs, also over the maps that all rows have if that makes a difference. */
export async function summarizeRuns(joined: JoinedRuns): Promise<Summary> {
  const rowsOfMap = new Map<string, number>();
  const summary = await summarizeWhere(joined, ({ model, image, target }) => {
    const map = `${model}|${target.index}|${image}`;
    rowsOfMap.set(map, (rowsOfMap.get(map) ?? 0) + 1);
    return true;
  });
  const isUneven = summary.models.some((model) => {
    const counts = summary.costs.filter((cost) => cost.model === model).map(({ count }) => count);
    return Math.min(...counts) < alikeShare * Math.max(...counts);
  });
  if (!isUneven) return summary;
  const rowCount = (model: string): number => summary.costs.filter((cost) => cost.model === model).length;
  const common = await summarizeWhere(
    joined,
    ({ model, image, target }) => rowsOfMap.get(`${model}|${target.index}|${image}`) === rowCount(model),
  );
  return common.images.explained === 0 ? summary : { ...summary, common };
}

async function summarizeWhere(
  { folders, runs, configuration }: JoinedRuns,
  accepts: (record: MapRecord) => boolean,
): Promise<Summary> {
  const seen = new Set<string>();
  const cells = new Map<string, CellState>();
  const costs = new Map<string, Mutable<CostCell>>();
  const failures = new Map<string, FailureRecord>();
  const images = new Set<string>();
  const explained = new Set<string>();
  const labels = new Map<string, { hits: number; count: number }>();
  for await (const record of recordsOf(folders)) {
    const key = recordKey(record);
    // A failure may have been done again later; a map is never undone.
    if (record.kind === "failure") {
      if (!seen.has(key)) failures.set(key, record);
      continue;
    }
    failures.delete(key);
    if (seen.has(key)) continue;
    seen.add(key);
    images.add(record.image);
    if (record.kind === "targets") {
      failures.delete(`image|${record.model}|${record.image}`);
      if (record.label !== undefined) addLabel(labels, record.model, record.predicted === record.label);
      continue;
    }
    if (!accepts(record)) continue;
    explained.add(record.image);
    addCost(costs, record);
    for (const [metric, value] of Object.entries(record.metrics)) addValue(cells, record, metric, value);
    for (const [metric, message] of Object.entries(record.failedMetrics ?? {})) {
      const { image, model, row, target } = record;
      failures.set(`${key}|${metric}`, {
        kind: "failure",
        image,
        model,
        row,
        target: target.index,
        code: metric,
        message,
      });
    }
  }
  const metrics = configuration.metrics.map(({ label, metric }) => ({ label, metric: metricByName(metric) }));
  const models = configuration.models.map(({ name }) => name);
  const rows = configuration.rows.map(({ label }) => label);
  const observationsOf = (model: string, row: string, metric: string): readonly Observation[] =>
    cells.get(cellKey(model, row, metric))?.observations ?? [];
  const complete = models.flatMap((model) =>
    metrics.flatMap(({ label, metric }) =>
      compareRows(rows, metric, (row) => observationsOf(model, row, label), configuration.seed).map(
        (cell): Cell => {
          const state = cells.get(cellKey(model, cell.row, label));
          const curve = state?.curve === undefined ? undefined : meanCurve(state.curve);
          return {
            ...cell,
            model,
            metric: label,
            undefinedCount: state?.undefinedCount ?? 0,
            ...(curve && { curve }),
          };
        },
      ),
    ),
  );
  return {
    configuration,
    runs,
    folders,
    models,
    rows,
    metrics,
    cells: complete,
    acrossModels:
      models.length < 2
        ? []
        : metrics.flatMap(({ label, metric }) =>
            compareRows(
              rows,
              metric,
              (row) => averaged(models.map((model) => observationsOf(model, row, label))),
              configuration.seed,
            ).map((cell): Cell => ({ ...cell, model: "mean of models", metric: label, undefinedCount: 0 })),
          ),
    costs: [...costs.values()],
    failures: [...failures.values()],
    images: {
      planned: Math.min(configuration.limit ?? Infinity, configuration.images.count),
      done: images.size,
      explained: explained.size,
    },
    accuracy: Object.fromEntries([...labels].map(([model, { hits, count }]) => [model, hits / count])),
    scores: new Map(
      [...cells].map(([key, { observations }]) => [
        key,
        observations.map(({ image, target, score }) => ({ image, target, score })),
      ]),
    ),
  };
}

async function* recordsOf(folders: readonly string[]): AsyncGenerator<RunRecord> {
  for (const folder of folders) yield* readRecords(folder);
}

type Mutable<T> = {
  -readonly [Key in keyof T]: T[Key] extends Readonly<Record<string, number>>
    ? Record<string, number>
    : T[Key];
};

/** Names a cell in {@link Summary.scores}. */
export function cellKey(model: string, row: string, metric: string): string {
  return `${model}|${row}|${metric}`;
}

function addLabel(labels: Map<string, { hits: number; count: number }>, model: string, isHit: boolean): void {
  const state = labels.get(model) ?? { hits: 0, count: 0 };
  labels.set(model, { hits: state.hits + (isHit ? 1 : 0), count: state.count + 1 });
}

function addCost(
  costs: Map<string, Mutable<CostCell>>,
  { model, row, cost, degenerate, unfinished }: MapRecord,
): void {
  const key = `${model}|${row}`;
  const state = costs.get(key) ?? {
    model,
    row,
    count: 0,
    f: 0,
    fb: 0,
    seconds: 0,
    metricSeconds: 0,
    degenerate: {},
    unfinished: 0,
  };
  costs.set(key, state);
  state.count++;
  for (const field of ["f", "fb", "seconds", "metricSeconds"] as const)
    state[field] += (cost[field] - state[field]) / state.count;
  if (degenerate !== undefined)
    state.degenerate[degenerate.code] = (state.degenerate[degenerate.code] ?? 0) + 1;
  if (unfinished === true) state.unfinished++;
}

function addValue(
  cells: Map<string, CellState>,
  record: MapRecord,
  metric: string,
  value: MapRecord["metrics"][string],
): void {
  const key = cellKey(record.model, record.row, metric);
  const state = cells.get(key) ?? { observations: [], undefinedCount: 0, curve: undefined };
  cells.set(key, state);
  const { image, target } = record;
  if (value.score === null) state.undefinedCount++;
  else state.observations.push({ image, class: target.category ?? target.index, score: value.score, target });
  if (value.curve === undefined) return;
  state.curve = addCurve(state.curve, value.curve);
}

/** Estimates of all rows, the best one marked, the others with their significance against it. */
function compareRows(
  rows: readonly string[],
  metric: Metric,
  observationsOf: (row: string) => readonly Observation[],
  seed: number,
): readonly Omit<Cell, "model" | "metric" | "undefinedCount" | "curve">[] {
  const estimates = rows.map((row) => ({ row, ...estimate(observationsOf(row), metric.aggregate, seed) }));
  const sign = metric.direction === "higher" ? 1 : -1;
  const best = estimates
    .filter(({ count }) => count > 0)
    .reduce<(typeof estimates)[number] | undefined>(
      (top, item) => (top === undefined || sign * item.mean > sign * top.mean ? item : top),
      undefined,
    );
  return estimates.map((item) => ({
    ...item,
    isBest: item.row === best?.row,
    pValue:
      best === undefined || item.row === best.row
        ? null
        : pairedSignificance(observationsOf(item.row), observationsOf(best.row), seed),
  }));
}

/** Each image's mean over lists, for the images that all lists have. */
function averaged(lists: readonly (readonly Observation[])[]): readonly Observation[] {
  const sums = new Map<string, { sum: number; lists: Set<number>; count: number }>();
  lists.forEach((list, index) => {
    for (const { image, score } of list) {
      const state = sums.get(image) ?? { sum: 0, lists: new Set<number>(), count: 0 };
      sums.set(image, state);
      state.sum += score;
      state.count++;
      state.lists.add(index);
    }
  });
  return [...sums].flatMap(([image, state]) =>
    state.lists.size === lists.length ? [{ image, class: 0, score: state.sum / state.count }] : [],
  );
}
