import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  fstatSync,
  openSync,
  readSync,
  readdirSync,
  writeSync,
} from "node:fs";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { assertNever, DataError, WriteError } from "../errors.ts";

/** One metric of one map. */
export interface MetricValue {
  /** `null` where the metric is not defined for the map. */
  readonly score: number | null;
  /** `x` is left out where it is in equal steps from 0 to 1. */
  readonly curve?: { readonly x?: readonly number[]; readonly y: readonly number[] };
  readonly details?: Readonly<Record<string, unknown>>;
}

/** One map: an image, a target, a model and a row. */
export interface MapRecord {
  readonly kind: "map";
  readonly image: string;
  readonly model: string;
  readonly row: string;
  readonly target: { readonly index: number; readonly category?: number };
  /** Of the target on the whole image. */
  readonly probability: number;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  /** Metrics that failed: label to message. */
  readonly failedMetrics?: Readonly<Record<string, string>>;
  readonly degenerate?: { readonly code: string; readonly message: string };
  /** Cost of the map: evaluations and seconds; seconds of the metrics. */
  readonly cost: {
    readonly f: number;
    readonly fb: number;
    readonly seconds: number;
    readonly metricSeconds: number;
  };
  readonly unfinished?: boolean;
}

/** What a model sees in an image, and so which maps there are to make. */
export interface TargetsRecord {
  readonly kind: "targets";
  readonly image: string;
  readonly model: string;
  readonly predicted: number;
  readonly label?: number;
  readonly targets: readonly {
    readonly index: number;
    readonly category?: number;
    readonly probability: number;
  }[];
}

/** Something that could not be done; the run goes on. */
export interface FailureRecord {
  readonly kind: "failure";
  readonly image: string;
  readonly model?: string;
  readonly row?: string;
  readonly target?: number;
  readonly code: string;
  readonly message: string;
}

export type RunRecord = MapRecord | TargetsRecord | FailureRecord;

/** Names what a record is about: at most one record of a key counts. */
export function recordKey(record: RunRecord): string {
  switch (record.kind) {
    case "map":
      return mapKey(record.model, record.row, record.target.index, record.image);
    case "targets":
      return `targets|${record.model}|${record.image}`;
    case "failure":
      return record.row === undefined || record.model === undefined
        ? `image|${record.model ?? ""}|${record.image}`
        : mapKey(record.model, record.row, record.target ?? -1, record.image);
    default:
      return assertNever(record);
  }
}

/** The key of a map's record, or of the failure to make it. */
export function mapKey(model: string, row: string, target: number, image: string): string {
  return `map|${model}|${row}|${target}|${image}`;
}

/** Appends records to a file, one a line. */
export interface RecordWriter {
  append(record: RunRecord): void;
  /** Writes through to the disk and closes. */
  close(): void;
}

/**
 * Opens a file of records for appending. A last line without its end (the process was killed while it wrote) is cut off.
 * A record is handed to the operating system whole, so that killing the process loses none; every `syncSeconds` the file
 * is written through to the disk, so that a power cut loses at most those.
 */
export function openRecordWriter(path: string, syncSeconds = 5): RecordWriter {
  const file = openSync(path, "a+");
  ftruncateSync(file, lengthOfWholeLines(file));
  let syncedAt = Date.now();
  return {
    append(record) {
      const bytes = Buffer.from(`${JSON.stringify(record)}\n`);
      const before = fstatSync(file).size;
      try {
        let written = 0;
        while (written < bytes.length) written += writeSync(file, bytes, written);
      } catch (error) {
        // A full disk may have taken half of the line: take it back, so that the file stays whole.
        ftruncateSync(file, before);
        throw new WriteError(
          `records: '${path}' cannot be written (${String(error)}). Make room and resume the run.`,
        );
      }
      if (Date.now() - syncedAt >= syncSeconds * 1000) {
        fsyncSync(file);
        syncedAt = Date.now();
      }
    },
    close() {
      fsyncSync(file);
      closeSync(file);
    },
  };
}

function lengthOfWholeLines(file: number): number {
  const chunk = Buffer.alloc(65536);
  for (let end = fstatSync(file).size; end > 0;) {
    const start = Math.max(0, end - chunk.length);
    readSync(file, chunk, 0, end - start, start);
    const newline = chunk.subarray(0, end - start).lastIndexOf(10);
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return 0;
}

/** The files of records of a run: one a process that ever worked on it. */
export function recordFiles(run: string): readonly string[] {
  if (!existsSync(run)) return [];
  return readdirSync(run)
    .filter((name) => /^records.*\.jsonl$/.test(name))
    .sort()
    .map((name) => join(run, name));
}

/**
 * All records of a run, as a stream: nothing is held in memory but the line at hand. A half-written last line is passed over.
 * @throws DataError for a damaged line elsewhere.
 */
export async function* readRecords(run: string): AsyncGenerator<RunRecord> {
  for (const path of recordFiles(run)) {
    let held: { readonly text: string; readonly number: number } | undefined;
    let number = 0;
    for await (const text of createInterface({
      input: createReadStream(path, "utf8"),
      crlfDelay: Infinity,
    })) {
      if (held !== undefined) yield parseLine(held.text, path, held.number);
      held = { text, number: ++number };
    }
    if (held === undefined) continue;
    const last = parseLastLine(held.text);
    if (last !== undefined) yield last;
  }
}

function parseLine(text: string, path: string, number: number): RunRecord {
  const record = parseLastLine(text);
  if (record !== undefined) return record;
  throw new DataError(
    `${path}: expected a record in line ${number}, got '${text.slice(0, 60)}'. Remove the line, then resume the run.`,
  );
}

function parseLastLine(text: string): RunRecord | undefined {
  try {
    const record = JSON.parse(text) as RunRecord;
    return typeof record === "object" && record !== null && "kind" in record ? record : undefined;
  } catch {
    return undefined;
  }
}
