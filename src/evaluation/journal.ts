import type { SaliencyMap } from "../image/saliency-map.ts";
import type { ImageJournal } from "./evaluate-image.ts";
import { readRecords, recordKey, type MapRecord, type RecordWriter, type RunRecord } from "./records.ts";
import type { TrialTarget } from "./trial-targets.ts";

export interface JournalOptions {
  readonly writer: RecordWriter;
  /** Called after a record was written. */
  readonly onRecord?: (record: RunRecord) => void;
  readonly onMap?: (map: SaliencyMap, record: MapRecord) => Promise<void> | void;
  /** Do again what failed. */
  readonly retryFailures?: boolean;
}

/**
 * A journal over a run's folder: knows what earlier processes recorded, and appends to one file. New records are not
 * remembered, since nothing is done twice within one pass: memory grows with what was there at the start, not with the run.
 */
export async function openJournal(
  run: string,
  options: JournalOptions,
): Promise<ImageJournal & { readonly doneCount: number }> {
  const done = new Set<string>();
  const targets = new Map<string, readonly TrialTarget[]>();
  for await (const record of readRecords(run)) {
    if (record.kind === "failure" && options.retryFailures === true) continue;
    done.add(recordKey(record));
    if (record.kind === "targets") targets.set(recordKey(record), record.targets);
  }
  return {
    doneCount: done.size,
    isDone: (key) => done.has(key),
    knownTargets: (model, image) => targets.get(`targets|${model}|${image}`),
    append(record) {
      options.writer.append(record);
      options.onRecord?.(record);
    },
    ...(options.onMap && { onMap: options.onMap }),
  };
}
