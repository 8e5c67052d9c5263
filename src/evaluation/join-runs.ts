import type { Configuration } from "./configuration.ts";
import { configurationDifference } from "./configuration.ts";
import { readRunFile, type RunFile } from "./run-folder.ts";

/** Runs whose records can stand in one table. */
export interface JoinedRuns {
  readonly folders: readonly string[];
  readonly runs: readonly RunFile[];
  /** The rows of all; of limits, the largest. */
  readonly configuration: Configuration;
}

/**
 * Sorts runs into groups that differ in methods and number of images only, so that slow methods can be measured on fewer
 * images, in a run of their own. Runs of one data set that differ in more are told to `onNote`.
 */
export function joinRuns(folders: readonly string[], onNote?: (note: string) => void): readonly JoinedRuns[] {
  const groups: JoinedRuns[] = [];
  for (const folder of new Set(folders)) {
    const run = readRunFile(folder);
    const index = groups.findIndex(
      (group) => differences(group.configuration, run.configuration).length === 0,
    );
    const group = groups[index];
    if (group === undefined) {
      for (const other of groups) {
        if (other.configuration.images.sha256 !== run.configuration.images.sha256) continue;
        const lines = differences(other.configuration, run.configuration).map((line) => `  ${line}`);
        onNote?.(
          `'${other.folders[0] ?? ""}' and '${folder}' are parts of their own, as they differ in\n${lines.join("\n")}`,
        );
      }
      groups.push({ folders: [folder], runs: [run], configuration: run.configuration });
    } else {
      groups[index] = {
        folders: [...group.folders, folder],
        runs: [...group.runs, run],
        configuration: union(group.configuration, run.configuration),
      };
    }
  }
  return groups;
}

/** What keeps two runs apart. Rows that only one has, the limit and the saving of maps do not. */
function differences(first: Configuration, second: Configuration): readonly string[] {
  const shared = (one: Configuration, other: Configuration): Configuration => {
    const { limit: _limit, ...rest } = one;
    const rows = one.rows.filter(({ label }) => other.rows.some((row) => row.label === label));
    // The order of rows says nothing.
    return { ...rest, saveMaps: false, rows: rows.toSorted((a, b) => (a.label < b.label ? -1 : 1)) };
  };
  return configurationDifference(shared(first, second), shared(second, first));
}

function union(first: Configuration, second: Configuration): Configuration {
  const { limit, ...rest } = first;
  const isWhole = limit === undefined || second.limit === undefined;
  const added = second.rows.filter(({ label }) => !first.rows.some((row) => row.label === label));
  return {
    ...rest,
    rows: [...first.rows, ...added],
    saveMaps: first.saveMaps || second.saveMaps,
    ...(isWhole ? {} : { limit: Math.max(limit, second.limit ?? 0) }),
  };
}
