import { DataError, throwIfAborted } from "../../errors.ts";
import { configurationSchema, type Configuration } from "../configuration.ts";
import { evaluateImage, type Bench } from "../evaluate-image.ts";
import { openBench, type OpenBench } from "../open-bench.ts";
import type { RunRecord } from "../records.ts";
import {
  configurationKey,
  connectRedis,
  loadQueueModules,
  queueName,
  queueOptions,
  runsKey,
  type QueueModules,
  type ImageJob,
} from "./bullmq.ts";

export interface WorkOptions {
  /** `redis://HOST:PORT`. */
  readonly url: string;
  readonly threads?: number;
  /** Paths that begin with `from` are read at `to` on this machine. */
  readonly paths?: readonly { readonly from: string; readonly to: string }[];
  /** True: end when no run has work, instead of waiting for the next. */
  readonly untilIdle?: boolean;
  readonly onNote?: (note: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A queue without a job for so long is left for another. */
const idleInMs = 2000;

/**
 * Takes images from the queues of all runs, one after the other, until it is stopped. A worker that dies gives its image
 * back after 30 seconds, when its lock has run out.
 */
export async function work(options: WorkOptions): Promise<void> {
  const { url, signal } = options;
  const bull = await loadQueueModules();
  const client = connectRedis(bull, url);
  client.on("error", (error) => options.onNote?.(`queue: ${error.message}`));
  try {
    for (;;) {
      throwIfAborted(signal);
      const runs = await client.smembers(runsKey);
      let hasWorked = false;
      for (const hash of [...runs].sort()) {
        const text = await client.get(configurationKey(hash));
        if (text === null) continue;
        hasWorked =
          (await serveRun(bull, hash, configurationSchema.parse(JSON.parse(text)), options)) || hasWorked;
      }
      if (!hasWorked && options.untilIdle === true) return;
      if (!hasWorked) await pause(1000);
    }
  } finally {
    client.disconnect();
  }
}

/** Works on one run until it has no more jobs; false if it had none. */
async function serveRun(
  bull: QueueModules,
  hash: string,
  configuration: Configuration,
  options: WorkOptions,
): Promise<boolean> {
  const queue = new bull.Queue(queueName(hash), queueOptions(options.url));
  queue.on("error", (error) => options.onNote?.(`queue: ${error.message}`));
  const waiting = async (): Promise<number> => {
    const counts = await queue.getJobCounts("waiting", "delayed", "active", "prioritized");
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  };
  try {
    if ((await waiting()) === 0) return false;
    const opened = await openBench(
      relocated(configuration, options),
      options.threads === undefined ? {} : { threads: options.threads },
    );
    const state = { done: 0, active: 0, lastAt: Date.now() };
    const worker = new bull.Worker(
      queueName(hash),
      async (job) => {
        state.active++;
        try {
          return await evaluateJob(opened, job.data, options.signal);
        } finally {
          state.active--;
          state.done++;
          state.lastAt = Date.now();
        }
      },
      // A killed worker is an ordinary event: its job may go back to the queue many times.
      { ...queueOptions(options.url), concurrency: 1, maxStalledCount: 20, stalledInterval: 5000 },
    );
    worker.on("error", (error) => options.onNote?.(`worker: ${error.message}`));
    try {
      while (state.active > 0 || Date.now() - state.lastAt < idleInMs || (await waiting()) > 0) {
        throwIfAborted(options.signal);
        await pause(250);
      }
    } finally {
      // Waits for the image in hand; the signal has reached it.
      await worker.close();
      await opened.close();
    }
    return state.done > 0;
  } finally {
    await queue.close();
  }
}

async function evaluateJob(
  { bench, dataset }: OpenBench,
  { index, key }: ImageJob,
  signal: AbortSignal | undefined,
): Promise<readonly RunRecord[]> {
  const item = dataset.item(index);
  if (item.key !== key)
    throw new DataError(
      `worker: image ${index} is '${item.key}' here, expected '${key}'. The data set differs.`,
    );
  return collectRecords(bench, item, signal);
}

async function collectRecords(
  bench: Bench,
  item: Parameters<typeof evaluateImage>[1],
  signal: AbortSignal | undefined,
): Promise<readonly RunRecord[]> {
  const records: RunRecord[] = [];
  await evaluateImage(
    bench,
    item,
    { isDone: () => false, knownTargets: () => undefined, append: (record) => void records.push(record) },
    signal,
  );
  return records;
}

/** The configuration with the paths of this machine. */
function relocated(configuration: Configuration, { paths = [] }: WorkOptions): Configuration {
  const move = (path: string): string => {
    const rule = paths.find(({ from }) => path.startsWith(from));
    return rule === undefined ? path : rule.to + path.slice(rule.from.length);
  };
  const { classMap } = configuration;
  return {
    ...configuration,
    models: configuration.models.map((model) => ({ ...model, path: move(model.path) })),
    dataset: configuration.dataset
      .split(",")
      .map((part) =>
        part.replace(/^((?:[a-z]+:)*)(.*)$/s, (_, kind: string, path: string) => kind + move(path)),
      )
      .join(","),
    ...(classMap && { classMap: { ...classMap, path: move(classMap.path) } }),
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
