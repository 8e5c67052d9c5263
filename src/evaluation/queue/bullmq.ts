import { RuntimeUnavailableError } from "../../errors.ts";

/** What we use of a BullMQ job. */
export interface QueueJob {
  readonly id?: string;
  readonly data: ImageJob;
  readonly returnvalue: unknown;
  readonly failedReason?: string;
  remove(): Promise<void>;
}

/** The work of one job: an image of a run. */
export interface ImageJob {
  /** Position in the data set. */
  readonly index: number;
  readonly key: string;
}

/** What we use of an ioredis client. */
export interface RedisClient extends Emitter {
  disconnect(): void;
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
    processor: (job: QueueJob) => Promise<unknown>,
    options: Readonly<Record<string, unknown>>,
  ) => BullWorker;
}

/**
 * Loads BullMQ and ioredis, which are not installed with this package: most evaluations need no queue.
 * @throws RuntimeUnavailableError if they are not there.
 */
export async function loadQueueModules(): Promise<QueueModules> {
  // Not literals, so that the compiler does not look for packages that may be absent.
  const [bullmq, ioredis]: readonly string[] = ["bullmq", "ioredis"];
  try {
    const { Queue, Worker } = (await import(bullmq ?? "")) as QueueModules;
    const { Redis } = (await import(ioredis ?? "")) as QueueModules;
    return { Queue, Worker, Redis };
  } catch (error) {
    throw new RuntimeUnavailableError(
      `queue: expected the packages bullmq and ioredis, but they cannot be loaded (${error instanceof Error ? error.message : String(error)}). ` +
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

/** A client of its own, for the list of runs and their configurations. */
export function connectRedis({ Redis }: QueueModules, url: string): RedisClient {
  return new Redis(url, patience);
}
