import { ExplainError, ParameterError, RuntimeUnavailableError } from "../../errors.ts";
import type { ImageJob } from "./image-job.ts";

/** What we use of a BullMQ job. */
export interface QueueJob {
  readonly id?: string;
  readonly data: ImageJob;
  readonly returnvalue: unknown;
  readonly failedReason?: string;
  /** Tries that failed. */
  readonly attemptsMade: number;
  remove(): Promise<void>;
  /** Gives a job in hand back, without counting it as a try that failed. */
  moveToWait(token?: string): Promise<unknown>;
}

/** What we use of an ioredis client. */
export interface RedisClient extends Emitter {
  disconnect(): void;
  ping(): Promise<unknown>;
  eval(script: string, keyCount: number, ...args: readonly (string | number)[]): Promise<unknown>;
  set(key: string, value: string): Promise<unknown>;
  get(key: string): Promise<string | null>;
  del(key: string): Promise<unknown>;
  sadd(key: string, member: string): Promise<unknown>;
  srem(key: string, member: string): Promise<unknown>;
  smembers(key: string): Promise<string[]>;
}

interface Emitter {
  on(event: "error", listener: (error: Error) => void): unknown;
}

export interface BullQueue extends Emitter {
  addBulk(
    jobs: readonly {
      readonly name: string;
      readonly data: ImageJob;
      readonly opts: Readonly<Record<string, unknown>>;
    }[],
  ): Promise<unknown>;
  getJobs(types: readonly string[], start: number, end: number): Promise<readonly (QueueJob | undefined)[]>;
  getJobCounts(...types: readonly string[]): Promise<Readonly<Record<string, number>>>;
  getWorkersCount(): Promise<number>;
  resume(): Promise<void>;
  obliterate(options: { readonly force: boolean }): Promise<void>;
  close(): Promise<void>;
}

export interface BullWorker extends Emitter {
  close(force?: boolean): Promise<void>;
}

/** The classes of BullMQ and ioredis that we use. */
export interface QueueModules {
  readonly Redis: new (url: string, options: Readonly<Record<string, unknown>>) => RedisClient;
  readonly Queue: new (name: string, options: Readonly<Record<string, unknown>>) => BullQueue;
  readonly Worker: new (
    name: string,
    processor: (job: QueueJob, token?: string) => Promise<unknown>,
    options: Readonly<Record<string, unknown>>,
  ) => BullWorker;
}

const importing = {
  bullmq: (): Promise<unknown> => import("bullmq"),
  ioredis: (): Promise<unknown> => import("ioredis"),
};

/**
 * Loads BullMQ and ioredis, which are not installed with this package: most evaluations need no queue.
 *
 * @param load How the packages are imported; a parameter for tests.
 * @throws RuntimeUnavailableError if they are not there.
 */
export async function loadQueueModules(load: typeof importing = importing): Promise<QueueModules> {
  try {
    const { Queue, Worker } = (await load.bullmq()) as QueueModules;
    const { Redis } = (await load.ioredis()) as QueueModules;
    return { Queue, Worker, Redis };
  } catch (error) {
    throw new RuntimeUnavailableError(
      `queue: expected the packages bullmq and ioredis, but they cannot be loaded (${reasonOf(error)}). ` +
        "Install them: npm install bullmq ioredis.",
    );
  }
}

/** The set of runs that have work, and names of a run's queue and configuration. */
export const runsKey = "onnx-saliency:runs";

export function queueName(hash: string): string {
  return `onnx-saliency-${hash.slice(0, 16)}`;
}

export function configurationKey(hash: string): string {
  return `onnx-saliency:configuration:${hash}`;
}

/** How every client and queue connects: an outage is waited out, however long. */
const patience = {
  maxRetriesPerRequest: null,
  retryStrategy: (times: number): number => Math.min(100 * times, 3000),
};

/** Options of a queue or worker. */
export function queueOptions(url: string): Readonly<Record<string, unknown>> {
  return { connection: { url, ...patience } };
}

/** How long a first answer of the server is waited for. An outage later is waited out. */
const firstAnswerInMs = 5000;

/**
 * A client of its own, for the list of runs and their configurations.
 * @throws ParameterError for an address of another kind; RuntimeUnavailableError if no server answers there.
 */
export async function connectRedis(
  { Redis }: QueueModules,
  url: string,
  note: (text: string) => void,
): Promise<RedisClient> {
  if (!/^rediss?:\/\//.test(url))
    throw new ParameterError(`queue: expected a Redis server such as redis://host:6379, got '${url}'.`);
  const client = new Redis(url, patience);
  let reason = "no answer";
  let isConnected = false;
  client.on("error", (error) => {
    reason = reasonOf(error);
    if (isConnected) note(`queue: ${reason}`);
  });
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), firstAnswerInMs);
  });
  const answer = client.ping().then(
    () => true,
    (error: unknown) => {
      reason = reasonOf(error);
      return false;
    },
  );
  isConnected = await Promise.race([answer, silence]);
  clearTimeout(timer);
  if (isConnected) return client;
  client.disconnect();
  throw new RuntimeUnavailableError(
    `queue: expected a Redis server at '${withoutPassword(url)}', got none (${reason}). Start redis-server there, or correct --queue.`,
  );
}

/** An address as it may be shown. */
export function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^/@]*:)[^/@]*@/, "$1***@");
}

/** What an error says; those of a connection that was tried at several addresses say it in their code only. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message !== "" || !("code" in error) ? error.message : String(error.code);
}

/** Passes on what differs from the line before: a server that is away would repeat itself every few seconds. */
export function withoutRepetition(note: ((text: string) => void) | undefined): (text: string) => void {
  let last: string | undefined;
  return (text) => {
    if (text !== last) note?.(text);
    last = text;
  };
}

/** Tries an operation that may be repeated until the server takes it (it may be loading, or short of memory). */
export async function patiently<T>(operation: () => Promise<T>, note: (text: string) => void): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation();
    } catch (error) {
      if (error instanceof ExplainError) throw error;
      if (attempt === 60)
        throw new RuntimeUnavailableError(
          `queue: the Redis server refuses to work (${reasonOf(error)}). Look after it, then start this again: nothing is lost.`,
        );
      note(`queue: ${reasonOf(error)}`);
      await pause(1000);
    }
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
