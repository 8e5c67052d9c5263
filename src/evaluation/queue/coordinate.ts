import { throwIfAborted } from "../../errors.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import type { Configuration } from "../configuration.ts";
import { configurationHash } from "../configuration.ts";
import {
  mapKey,
  openRecordWriter,
  readRecords,
  recordKey,
  type FailureRecord,
  type RunRecord,
} from "../records.ts";
import type { TrialTarget } from "../trial-targets.ts";
import {
  configurationKey,
  connectRedis,
  loadQueueModules,
  queueName,
  queueOptions,
  runsKey,
  type BullQueue,
  type QueueJob,
} from "./bullmq.ts";

export interface CoordinateOptions {
  /** `redis://HOST:PORT`. */
  readonly url: string;
  readonly configuration: Configuration;
  readonly dataset: Dataset;
  readonly indices: readonly number[];
  /** Path of the run's file of records; its folder is the run. */
  readonly folder: string;
  readonly recordsPath: string;
  readonly onRecord?: (record: RunRecord) => void;
  readonly onImage?: (index: number) => void;
  readonly onNote?: (note: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** How often finished jobs are looked for. */
const pollInMs = 250;
/** Jobs read or added at once. */
const chunk = 200;

/**
 * Puts the images of a run that are not done on a queue, and writes what workers return. Only this process writes
 * records, and it passes over those that it has: however often a job is delivered, an item has one record. It may be
 * killed and started again: jobs keep their names, and results wait in the queue until they were written.
 */
export async function coordinate(options: CoordinateOptions): Promise<void> {
  const { url, configuration, dataset, folder, signal } = options;
  const modules = await loadQueueModules();
  const hash = configurationHash(configuration);
  const journal = await readJournal(folder);
  const pending = new Set(
    options.indices.filter((index) => !isComplete(configuration, dataset.item(index).key, journal)),
  );
  for (const index of options.indices) if (!pending.has(index)) options.onImage?.(index);
  if (pending.size === 0) return;
  const queue = new modules.Queue(queueName(hash), queueOptions(url));
  queue.on("error", (error) => options.onNote?.(`queue: ${error.message}`));
  const client = connectRedis(modules, url);
  client.on("error", (error) => options.onNote?.(`queue: ${error.message}`));
  const writer = openRecordWriter(options.recordsPath);
  try {
    const announce = async (): Promise<void> => {
      await client.set(configurationKey(hash), JSON.stringify(configuration));
      await addJobs(queue, hash, [...pending], dataset, signal);
      await client.sadd(runsKey, hash);
    };
    await announce();
    let idlePolls = 0;
    while (pending.size > 0) {
      throwIfAborted(signal);
      const finished = (await queue.getJobs(["completed", "failed"], 0, chunk - 1)).filter(
        (job) => job !== undefined,
      );
      for (const job of finished) {
        for (const record of recordsOf(job)) {
          const key = recordKey(record);
          if (journal.done.has(key)) continue;
          journal.done.add(key);
          writer.append(record);
          options.onRecord?.(record);
        }
        // Written before it is removed: whoever is killed in between only writes nothing twice.
        await job.remove();
        if (pending.delete(job.data.index)) options.onImage?.(job.data.index);
      }
      idlePolls = finished.length === 0 ? idlePolls + 1 : 0;
      if (finished.length > 0) continue;
      await new Promise((resolve) => setTimeout(resolve, pollInMs));
      // A server that was started anew, without its memory, has lost the jobs.
      if (idlePolls % 20 === 0 && pending.size > 0 && (await isEmpty(queue))) await announce();
    }
    await client.srem(runsKey, hash);
    await client.del(configurationKey(hash));
    await queue.obliterate({ force: true });
  } finally {
    writer.close();
    client.disconnect();
    await queue.close();
  }
}

async function isEmpty(queue: BullQueue): Promise<boolean> {
  const counts = await queue.getJobCounts(
    "waiting",
    "active",
    "delayed",
    "prioritized",
    "completed",
    "failed",
  );
  return Object.values(counts).every((count) => count === 0);
}

async function addJobs(
  queue: BullQueue,
  hash: string,
  indices: readonly number[],
  dataset: Dataset,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let start = 0; start < indices.length; start += chunk) {
    throwIfAborted(signal);
    await queue.addBulk(
      indices.slice(start, start + chunk).map((index) => ({
        name: "image",
        data: { index, key: dataset.item(index).key },
        opts: {
          // A job that is there already is not added again.
          jobId: `${hash.slice(0, 16)}-${index}`,
          attempts: 3,
          backoff: { type: "exponential", delay: 1000 },
        },
      })),
    );
  }
}

function recordsOf(job: QueueJob): readonly RunRecord[] {
  if (Array.isArray(job.returnvalue)) return job.returnvalue as readonly RunRecord[];
  const failure: FailureRecord = {
    kind: "failure",
    image: job.data.key,
    code: "WORKER",
    message: job.failedReason ?? "the worker returned nothing",
  };
  return [failure];
}

interface Journal {
  readonly done: Set<string>;
  readonly targets: ReadonlyMap<string, readonly TrialTarget[]>;
}

async function readJournal(folder: string): Promise<Journal> {
  const done = new Set<string>();
  const targets = new Map<string, readonly TrialTarget[]>();
  for await (const record of readRecords(folder)) {
    const key = recordKey(record);
    done.add(key);
    if (record.kind === "targets") targets.set(key, record.targets);
  }
  return { done, targets };
}

function isComplete({ models, rows }: Configuration, image: string, { done, targets }: Journal): boolean {
  return models.every(({ name }) => {
    if (done.has(`image|${name}|${image}`) || done.has(`image||${image}`)) return true;
    const found = targets.get(`targets|${name}|${image}`);
    return (
      found !== undefined &&
      found.every(({ index }) => rows.every(({ label }) => done.has(mapKey(name, label, index, image))))
    );
  });
}
