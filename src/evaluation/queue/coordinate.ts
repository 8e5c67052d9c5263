import { DataError, throwIfAborted } from "../../errors.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { configurationHash, type Configuration } from "../configuration.ts";
import {
  mapKey,
  openRecordWriter,
  readRecords,
  recordKey,
  type FailureRecord,
  type RecordWriter,
  type RunRecord,
} from "../records.ts";
import { saveMap } from "../run.ts";
import type { TrialTarget } from "../trial-targets.ts";
import {
  configurationKey,
  connectRedis,
  loadQueueModules,
  patiently,
  pause,
  queueName,
  queueOptions,
  runsKey,
  withoutPassword,
  withoutRepetition,
  type BullQueue,
  type QueueJob,
  type RedisClient,
} from "./bullmq.ts";
import { lockCoordinator, type CoordinatorLock } from "./coordinator-lock.ts";
import { attempts, imageJob, packConfiguration, unpackMap, type ImageResult } from "./image-job.ts";

export interface CoordinateOptions {
  /** `redis://HOST:PORT`. */
  readonly url: string;
  readonly configuration: Configuration;
  readonly dataset: Dataset;
  readonly indices: readonly number[];
  /** Folder of the run. */
  readonly folder: string;
  /** Path of the run's file of records that this process appends to. */
  readonly recordsPath: string;
  /** True: the first failure ends the run. */
  readonly strict?: boolean;
  /** True: images with failures are done again. */
  readonly retryFailures?: boolean;
  readonly onRecord?: (record: RunRecord) => void;
  readonly onImage?: (index: number) => void;
  readonly onNote?: (note: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** How often finished jobs are looked for. */
const pollInMs = 250;
/** Jobs read or added at once; fewer where they carry maps. */
const chunk = 100;
const chunkWithMaps = 4;

/**
 * Puts the images of a run that are not done on a queue, and writes what workers return. Only this process writes
 * records, and it passes over those that it has: however often a job is delivered, an item has one record. It may be
 * killed and started again: jobs keep their names, and results wait in the queue until they were written.
 *
 * @throws RuntimeUnavailableError if there is no BullMQ or no Redis server; DataError for the first failure of a strict run.
 */
export async function coordinate(options: CoordinateOptions): Promise<void> {
  const { url, configuration } = options;
  const note = withoutRepetition(options.onNote);
  const modules = await loadQueueModules();
  const hash = configurationHash(configuration);
  const client = await connectRedis(modules, url, note);
  const queue = new modules.Queue(queueName(hash), queueOptions(url));
  // The client of our own says the same.
  queue.on("error", () => undefined);
  try {
    const lock = await lockCoordinator(client, hash, note);
    try {
      await fillAndCollect({ ...options, hash, client, queue, lock, note });
    } finally {
      await lock.free();
    }
  } finally {
    client.disconnect();
    await queue.close();
  }
}

interface Coordination extends CoordinateOptions {
  readonly hash: string;
  readonly client: RedisClient;
  readonly queue: BullQueue;
  readonly lock: CoordinatorLock;
  readonly note: (text: string) => void;
}

async function fillAndCollect(run: Coordination): Promise<void> {
  const { configuration, dataset, queue, lock, note, signal } = run;
  // Read under the lock: whoever had it before may have written until then.
  const journal = await readJournal(run.folder, run.retryFailures === true);
  const pending = new Set(
    run.indices.filter((index) => !isComplete(configuration, dataset.item(index).key, journal)),
  );
  for (const index of run.indices) if (!pending.has(index)) run.onImage?.(index);
  const writer = openRecordWriter(run.recordsPath);
  try {
    const count = configuration.saveMaps ? chunkWithMaps : chunk;
    if (pending.size > 0) await patiently(() => announce(run, pending), note);
    for (let idlePolls = 0; pending.size > 0;) {
      throwIfAborted(signal);
      const finished = await patiently(async () => {
        await lock.keep();
        return queue.getJobs(["completed", "failed"], 0, count - 1);
      }, note);
      for (const job of finished) {
        if (job === undefined) continue;
        // What another run with the same configuration has left, such as another shard, is not ours to write.
        const failure = pending.has(job.data.index) ? writeResult(run, journal, writer, job) : undefined;
        if (failure !== undefined) {
          await retire(run);
          throw new DataError(`${failure.image}: ${failure.message}`);
        }
        // Written before it is removed: whoever is killed in between only writes nothing twice.
        await patiently(() => job.remove(), note);
        if (pending.delete(job.data.index)) run.onImage?.(job.data.index);
      }
      idlePolls = finished.length === 0 ? idlePolls + 1 : 0;
      if (idlePolls === 0) continue;
      await pause(pollInMs);
      if (idlePolls % 20 !== 0) continue;
      await patiently(async () => {
        // A server that was started anew, without its memory, has lost the jobs.
        if (await isEmpty(queue)) await announce(run, pending);
        else if ((await queue.getWorkersCount()) === 0) {
          note(
            `queue: no worker is there. Start some, on any machines: onnx-saliency worker --queue ${withoutPassword(run.url)}`,
          );
        }
      }, note);
    }
  } finally {
    writer.close();
  }
  await patiently(() => retire(run), note);
}

/** Takes a run that has ended, well or not, off the server. */
async function retire({ client, queue, hash }: Coordination): Promise<void> {
  await client.srem(runsKey, hash);
  await client.del(configurationKey(hash));
  await queue.obliterate({ force: true });
}

/** Adds the jobs that are not there, then makes the run known to workers. */
async function announce(run: Coordination, pending: ReadonlySet<number>): Promise<void> {
  const { client, queue, hash, configuration, dataset, lock, signal } = run;
  const indices = [...pending];
  await client.set(configurationKey(hash), packConfiguration(configuration));
  // A process that was killed while it cleared the queue has left it paused.
  await queue.resume();
  for (let start = 0; start < indices.length; start += chunk) {
    throwIfAborted(signal);
    await lock.keep();
    const jobs = await Promise.all(
      indices.slice(start, start + chunk).map((index) => imageJob(index, dataset.item(index))),
    );
    await queue.addBulk(
      jobs.map((data) => ({
        name: "image",
        data,
        opts: {
          // A job that is there already is not added again.
          jobId: `${hash.slice(0, 16)}-${data.index}`,
          attempts,
          backoff: { type: "exponential", delay: 1000 },
        },
      })),
    );
    // Workers need not wait for the last of many.
    if (start === 0) await client.sadd(runsKey, hash);
  }
}

/** Writes the records of a finished job that are not there. Gives back the failure that ends a strict run. */
function writeResult(
  run: Coordination,
  { done }: Journal,
  writer: RecordWriter,
  job: QueueJob,
): FailureRecord | undefined {
  const { records, maps } = resultOf(job);
  for (const record of records) {
    const key = recordKey(record);
    if (done.has(key)) continue;
    if (run.strict === true && record.kind === "failure") return record;
    const map = maps?.[key];
    if (map !== undefined && record.kind === "map") saveMap(run.folder, unpackMap(map), record);
    done.add(key);
    writer.append(record);
    run.onRecord?.(record);
  }
  return undefined;
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

function resultOf(job: QueueJob): ImageResult {
  const { returnvalue } = job;
  if (typeof returnvalue === "object" && returnvalue !== null && "records" in returnvalue)
    return returnvalue as ImageResult;
  const { failedReason = "the worker returned nothing" } = job;
  // BullMQ's word for a job whose worker was not heard of again.
  const hasCrashed = failedReason.includes("stalled");
  const failure: FailureRecord = {
    kind: "failure",
    image: job.data.key,
    code: hasCrashed ? "CRASH" : "WORKER",
    message: hasCrashed ? "worker after worker died at this image; out of memory?" : failedReason,
  };
  return { records: [failure] };
}

interface Journal {
  readonly done: Set<string>;
  readonly targets: ReadonlyMap<string, readonly TrialTarget[]>;
}

async function readJournal(folder: string, retryFailures: boolean): Promise<Journal> {
  const done = new Set<string>();
  const targets = new Map<string, readonly TrialTarget[]>();
  for await (const record of readRecords(folder)) {
    if (record.kind === "failure" && retryFailures) continue;
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
