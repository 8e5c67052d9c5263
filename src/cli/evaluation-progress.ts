import { createRunningMeans } from "../evaluation/running-means.ts";
import type { RunRecord } from "../evaluation/records.ts";
import type { RunObserver } from "../evaluation/run.ts";
import { createProgressBar, formatDuration, type ProgressStream } from "./progress.ts";

export interface EvaluationProgress extends Required<RunObserver> {
  counts(): { readonly maps: number; readonly failures: number };
  /** Takes the bar away and prints the last state. */
  end(): void;
}

/** Where no terminal is, a line is written this often. */
const lineIntervalInMs = 30_000;

/**
 * Shows how a run gets on: images done, failures, rate, remaining time, and the running mean of each row (of over-all, or else
 * of the first metric) with its 95 % interval. On a terminal a bar; elsewhere (a log of a batch job) a line every 30 seconds.
 *
 * @param now Milliseconds; a parameter for tests.
 */
export function createEvaluationProgress(
  stream: ProgressStream,
  total: number,
  isEnabled: boolean,
  now: () => number = Date.now,
): EvaluationProgress {
  const bar = createProgressBar(stream, isEnabled, now);
  const means = createRunningMeans();
  const startedAt = now();
  const state = { images: 0, maps: 0, failures: 0, worked: 0, lineAt: startedAt };
  let hasWorked = false;

  const summary = (): string => {
    const seconds = (now() - startedAt) / 1000;
    // Images of an earlier run pass in no time: the rate is that of those that were worked on.
    const rate = state.worked / Math.max(seconds, 1e-9);
    const left = rate > 0 ? formatDuration((total - state.images) / rate) : "?";
    const parts = [
      `${state.images}/${total} images`,
      `${state.maps} maps`,
      `${state.failures} failed`,
      `${rate.toFixed(2)} images/s`,
      `${left} left`,
    ];
    return [...parts, ...meanTexts()].join(", ");
  };
  const meanTexts = (): readonly string[] => {
    const entries = [...means.entries()].map(([key, value]) => ({ key: key.split(" "), ...value }));
    const shown = entries.find(({ key }) => key[2] === "over-all")?.key[2] ?? entries[0]?.key[2];
    const chosen = entries.filter(({ key }) => key[2] === shown);
    const texts = chosen.map(({ key, mean, margin }) => {
      const row = chosen.some((other) => other.key[0] !== key[0]) ? `${key[0]} ${key[1]}` : key[1];
      return `${row} ${(100 * mean).toFixed(1)}${Number.isFinite(margin) ? ` ±${(100 * margin).toFixed(1)}` : ""}`;
    });
    return texts.length === 0 ? [] : [`${shown}: ${texts.join(", ")}`];
  };
  return {
    onRecord(record: RunRecord) {
      hasWorked = true;
      if (record.kind === "map") {
        state.maps++;
        means.add(record);
        state.failures += Object.keys(record.failedMetrics ?? {}).length;
      } else if (record.kind === "failure") state.failures++;
    },
    onImage() {
      state.images++;
      if (hasWorked) state.worked++;
      hasWorked = false;
      bar.update(state.images, total, [`${state.failures} failed`, ...meanTexts()].join(", "));
      if (isEnabled && stream.isTTY !== true && now() - state.lineAt >= lineIntervalInMs) {
        state.lineAt = now();
        stream.write(`${summary()}\n`);
      }
    },
    counts: () => ({ maps: state.maps, failures: state.failures }),
    end() {
      bar.clear();
      if (isEnabled) stream.write(`${summary()}\n`);
    },
  };
}
