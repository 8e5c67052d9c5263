import { DataError } from "../../errors.ts";
import type { Configuration } from "../configuration.ts";
import { evaluateImage } from "../evaluate-image.ts";
import { openBench, type OpenBench } from "../open-bench.ts";
import type { RunRecord } from "../records.ts";
import { recordKey } from "../records.ts";
import {
  configurationKey,
  connectRedis,
  loadQueueModules,
  patiently,
  pause,
  queueName,
  queueOptions,
  runsKey,
  withoutRepetition,
  type QueueJob,
  type QueueModules,
} from "./bullmq.ts";
import {
  attempts,
  checkImage,
  packMap,
  unpackConfiguration,
  type ImageResult,
  type PackedMap,
} from "./image-job.ts";
import { relocated, type PathRule } from "./relocate.ts";

export interface WorkOptions {
  /** `redis://HOST:PORT`. */
  readonly url: string;
  readonly threads?: number;
  readonly paths?: readonly PathRule[];
  /** True: end when no run has work, instead of waiting for the next. */
  readonly untilIdle?: boolean;
  /** A worker that was not heard of for so long loses its image to another. Default 30, as BullMQ's. */
  readonly lockInSeconds?: number;
  readonly onNote?: (note: string) => void;
  /** When it fires, the image in hand goes back to the queue at once, and the work ends. */
  readonly leave?: AbortSignal;
}

/** An image at which so many workers die is given up: it may be what kills them. */
const maxDeaths = 5;
/** A queue without a job for so long is left for another. */
const idleInMs = 2000;

/**
 * Takes images from the queues of all runs, one after the other, until it is told to leave. A worker that dies gives its
 * image back when its lock has run out. A run that cannot be served here is passed over while there are others.
 *
 * @throws RuntimeUnavailableError if there is no BullMQ or no Redis server; what kept the only run from being served.
 */
export async function work(options: WorkOptions): Promise<void> {
  const { url, leave } = options;
  const note = withoutRepetition(options.onNote);
  const bull = await loadQueueModules();
  const client = await connectRedis(bull, url, note);
  const hasLeft = (): boolean => leave?.aborted === true;
  try {
    while (!hasLeft()) {
      const runs = await patiently(() => client.smembers(runsKey), note);
      let hasWorked = false;
      let reason: unknown;
      for (const hash of [...runs].sort()) {
        const text = await patiently(() => client.get(configurationKey(hash)), note);
        if (text === null || hasLeft()) continue;
        try {
          const served = await serveRun(bull, hash, text, { ...options, onNote: note });
          hasWorked = hasWorked || served;
        } catch (error) {
          reason = error;
          note(error instanceof Error ? error.message : String(error));
        }
      }
      if (hasWorked || hasLeft()) continue;
      if (reason !== undefined) throw reason;
      if (options.untilIdle === true) return;
      await pause(1000);
    }
  } finally {
    client.disconnect();
  }
}

/** Works on one run until it has no more jobs; false if it had none. */
async function serveRun(
  bull: QueueModules,
  hash: string,
  announced: string,
  options: WorkOptions & { readonly onNote: (text: string) => void },
): Promise<boolean> {
  const { threads, lockInSeconds = 30, leave, onNote } = options;
  const queue = new bull.Queue(queueName(hash), queueOptions(options.url));
  // The client of our own says the same.
  queue.on("error", () => undefined);
  const unfinished = (): Promise<number> =>
    patiently(async () => {
      const counts = await queue.getJobCounts("waiting", "delayed", "active", "prioritized");
      return Object.values(counts).reduce((sum, count) => sum + count, 0);
    }, onNote);
  try {
    if ((await unfinished()) === 0) return false;
    const configuration = relocated(unpackConfiguration(announced), options.paths);
    const opened = await openBench(configuration, threads === undefined ? {} : { threads });
    const state: { done: number; lastAt: number; inHand?: { job: QueueJob; token: string } | undefined } = {
      done: 0,
      lastAt: Date.now(),
    };
    const worker = new bull.Worker(
      queueName(hash),
      async (job, token = "") => {
        state.inHand = { job, token };
        try {
          return await evaluateJob(opened, configuration, job);
        } finally {
          state.inHand = undefined;
          state.done++;
          state.lastAt = Date.now();
        }
      },
      {
        ...queueOptions(options.url),
        concurrency: 1,
        lockDuration: 1000 * lockInSeconds,
        stalledInterval: Math.min(5000, 1000 * lockInSeconds),
        maxStalledCount: maxDeaths,
      },
    );
    worker.on("error", (error) => onNote(`worker: ${error.message}`));
    onNote(`worker: taking images of run ${hash.slice(0, 8)} (${configuration.dataset}).`);
    const hasLeft = (): boolean => leave?.aborted === true;
    try {
      while (
        !hasLeft() &&
        (state.inHand !== undefined || Date.now() - state.lastAt < idleInMs || (await unfinished()) > 0)
      )
        await pause(250);
    } finally {
      if (hasLeft()) {
        // The run of the network that has begun cannot be stopped: what is left of it ends with the process.
        await state.inHand?.job.moveToWait(state.inHand.token);
      } else {
        await worker.close();
        await opened.close();
      }
    }
    onNote(`worker: ${state.done} images of run ${hash.slice(0, 8)} done.`);
    return state.done > 0;
  } finally {
    await queue.close();
  }
}

async function evaluateJob(
  { bench, dataset }: OpenBench,
  { saveMaps }: Configuration,
  job: QueueJob,
): Promise<ImageResult> {
  const item = dataset.item(job.data.index);
  await checkImage(job.data, item);
  const records: RunRecord[] = [];
  const maps: Record<string, PackedMap> = {};
  await evaluateImage(bench, item, {
    isDone: () => false,
    knownTargets: () => undefined,
    append: (record) => void records.push(record),
    ...(saveMaps && { onMap: (map, record) => void (maps[recordKey(record)] = packMap(map)) }),
  });
  // Another machine may be able to read what this one could not; the last try's failure is recorded.
  const unread = records.find((record) => record.kind === "failure" && record.row === undefined);
  if (unread?.kind === "failure" && job.attemptsMade + 1 < attempts) throw new DataError(unread.message);
  return { records, ...(saveMaps && { maps }) };
}
