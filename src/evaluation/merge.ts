import { ParameterError } from "../errors.ts";
import { join } from "node:path";
import { configurationDifference } from "./configuration.ts";
import { openRecordWriter, readRecords, recordKey, type RunRecord } from "./records.ts";
import { openRun, readRunFile } from "./run-folder.ts";

export interface MergeResult {
  readonly records: number;
  /** Records that several runs had. */
  readonly duplicates: number;
}

/**
 * Joins runs of one configuration (shards, or runs on several machines) into one folder. A map counts more than the
 * failure to make it; of equal records the first counts.
 *
 * @throws ParameterError if the configurations differ; the message shows how.
 */
export async function mergeRuns(runs: readonly string[], out: string): Promise<MergeResult> {
  const [first] = runs;
  if (first === undefined)
    throw new ParameterError("merge: expected the folders of at least one run, got none.");
  if (runs.includes(out))
    throw new ParameterError(
      `merge: expected a folder of its own for the result, got '${out}', which is one of the runs.`,
    );
  const file = readRunFile(first);
  for (const run of runs.slice(1)) {
    const other = readRunFile(run);
    if (other.hash === file.hash) continue;
    const lines = configurationDifference(file.configuration, other.configuration).map((line) => `  ${line}`);
    throw new ParameterError(
      `merge: '${run}' has another configuration than '${first}':\n${lines.join("\n")}\nMerge runs that were started alike.`,
    );
  }
  openRun(out, file.configuration, file.provenance);
  const done = new Set<string>();
  for await (const record of readRecords(out)) if (record.kind !== "failure") done.add(recordKey(record));
  const failures = new Map<string, RunRecord>();
  const counts = { records: 0, duplicates: 0 };
  const writer = openRecordWriter(join(out, "records.jsonl"));
  try {
    for (const run of runs) {
      for await (const record of readRecords(run)) {
        const key = recordKey(record);
        if (record.kind === "failure") failures.set(key, record);
        else if (done.has(key)) counts.duplicates++;
        else {
          done.add(key);
          writer.append(record);
          counts.records++;
        }
      }
    }
    for (const [key, record] of failures) {
      // An image that could be read elsewhere has no failure.
      if (done.has(key) || done.has(key.replace(/^image\|/, "targets|"))) continue;
      writer.append(record);
      counts.records++;
    }
  } finally {
    writer.close();
  }
  return counts;
}
