import type { MapRecord } from "./records.ts";

/** Count, mean and spread of numbers that come one by one (Welford). */
export interface RunningMean {
  readonly count: number;
  readonly mean: number;
  /** Half width of the 95 % interval of the mean, by the normal approximation. */
  readonly margin: number;
}

/** Means of every metric of every row, kept up as records come. */
export interface RunningMeans {
  add(record: Pick<MapRecord, "row" | "model" | "metrics">): void;
  /** By `row metric`, or `model row metric` where there are several models. */
  entries(): ReadonlyMap<string, RunningMean>;
}

/** Starts with nothing. */
export function createRunningMeans(): RunningMeans {
  const states = new Map<string, { count: number; mean: number; squares: number }>();
  return {
    add({ row, model, metrics }) {
      for (const [label, { score }] of Object.entries(metrics)) {
        if (score === null) continue;
        const key = `${model} ${row} ${label}`;
        const state = states.get(key) ?? { count: 0, mean: 0, squares: 0 };
        states.set(key, state);
        state.count++;
        const before = score - state.mean;
        state.mean += before / state.count;
        state.squares += before * (score - state.mean);
      }
    },
    entries: () =>
      new Map(
        [...states].map(([key, { count, mean, squares }]) => [
          key,
          { count, mean, margin: count > 1 ? 1.96 * Math.sqrt(squares / (count - 1) / count) : Infinity },
        ]),
      ),
  };
}
