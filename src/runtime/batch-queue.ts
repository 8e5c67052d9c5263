import { AbortedError, throwIfAborted } from "../errors.ts";
import { concatBatch, elementCount, type Tensor } from "../tensor/tensor.ts";

/** Samples to run, all of one kind. */
export interface BatchJob {
  /** Only jobs with the same key may share a run. */
  readonly key: string;
  readonly count: number;
  readonly signal?: AbortSignal | undefined;
}

/** Samples `start..end` of a job. */
export interface BatchPiece<Job> {
  readonly job: Job;
  readonly start: number;
  readonly end: number;
}

export type BatchOutputs = Readonly<Record<string, Tensor>>;

interface Entry<Job> {
  readonly job: Job;
  next: number;
  left: number;
  /** Outputs by the first sample they are of. */
  readonly parts: Map<number, BatchOutputs>;
  readonly finish: (outputs: BatchOutputs) => void;
  readonly fail: (reason: unknown) => void;
  isOver: boolean;
}

/** Runs under way at once: one computes while the feeds of the next are made. */
const maxInFlight = 2;

/**
 * Cuts jobs into batches and fills a batch with the samples of further jobs of the same kind, so that several images or
 * targets that are explained at once share runs. Jobs are served in the order of their arrival; outputs come back in the
 * order of the job's samples whatever they were batched with.
 */
export class BatchQueue<Job extends BatchJob> {
  private readonly entries: Entry<Job>[] = [];
  private readonly size: (job: Job) => number;
  private readonly run: (
    pieces: readonly BatchPiece<Job>[],
    signal: AbortSignal | undefined,
  ) => Promise<BatchOutputs>;
  private inFlight = 0;
  private isScheduled = false;

  /** `size`: samples a run of the job's kind takes; `run`: runs pieces, outputs joined along axis 0 in their order. */
  constructor(
    size: (job: Job) => number,
    run: (pieces: readonly BatchPiece<Job>[], signal: AbortSignal | undefined) => Promise<BatchOutputs>,
  ) {
    this.size = size;
    this.run = run;
  }

  /** All outputs of a job, joined along axis 0. */
  submit(job: Job): Promise<BatchOutputs> {
    throwIfAborted(job.signal);
    return new Promise((resolve, reject) => {
      const abort = (): void => entry.fail(new AbortedError("The work was stopped before it was finished."));
      const settle = (): void => {
        entry.isOver = true;
        job.signal?.removeEventListener("abort", abort);
      };
      const entry: Entry<Job> = {
        job,
        next: 0,
        left: job.count,
        parts: new Map(),
        finish: (outputs) => {
          settle();
          resolve(outputs);
        },
        fail: (reason) => {
          settle();
          reject(reason instanceof Error ? reason : new Error(String(reason)));
        },
        isOver: false,
      };
      job.signal?.addEventListener("abort", abort);
      this.entries.push(entry);
      this.schedule();
    });
  }

  /** Waits for a turn of the event loop, so that requests made together are seen together. */
  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.isScheduled = false;
      while (this.inFlight < maxInFlight && this.start()) this.inFlight++;
    });
  }

  /** Starts one run; false if nothing waits. */
  private start(): boolean {
    const waiting = this.entries.filter((entry) => !entry.isOver && entry.next < entry.job.count);
    const [first] = waiting;
    if (first === undefined) {
      this.entries.splice(0, this.entries.length, ...this.entries.filter((entry) => !entry.isOver));
      return false;
    }
    let room = this.size(first.job);
    const chosen: { readonly entry: Entry<Job>; readonly start: number; readonly end: number }[] = [];
    for (const entry of waiting) {
      if (room === 0) break;
      if (entry.job.key !== first.job.key) continue;
      const start = entry.next;
      const end = Math.min(start + room, entry.job.count);
      entry.next = end;
      room -= end - start;
      chosen.push({ entry, start, end });
    }
    const pieces = chosen.map(({ entry, start, end }) => ({ job: entry.job, start, end }));
    // A shared run must not stop for one of its jobs.
    const signal = chosen.length === 1 ? first.job.signal : undefined;
    this.run(pieces, signal)
      .then(
        (outputs) => deliver(chosen, outputs),
        (reason: unknown) => {
          for (const { entry } of chosen) if (!entry.isOver) entry.fail(reason);
        },
      )
      .finally(() => {
        this.inFlight--;
        this.schedule();
      })
      .catch(() => undefined);
    return true;
  }
}

function deliver<Job extends BatchJob>(
  chosen: readonly { readonly entry: Entry<Job>; readonly start: number; readonly end: number }[],
  outputs: BatchOutputs,
): void {
  let row = 0;
  for (const { entry, start, end } of chosen) {
    const first = row;
    row += end - start;
    if (entry.isOver) continue;
    entry.parts.set(start, chosen.length === 1 ? outputs : rows(outputs, first, row));
    entry.left -= end - start;
    if (entry.left > 0) continue;
    const parts = [...entry.parts].sort(([a], [b]) => a - b).map(([, part]) => part);
    const joined: Record<string, Tensor> = {};
    for (const name of Object.keys(parts[0] ?? {})) {
      joined[name] = concatBatch(parts.flatMap((part) => part[name] ?? []));
    }
    entry.finish(joined);
  }
}

function rows(outputs: BatchOutputs, start: number, end: number): BatchOutputs {
  const picked: Record<string, Tensor> = {};
  for (const [name, { dims, data }] of Object.entries(outputs)) {
    const size = elementCount(dims.slice(1));
    picked[name] = {
      type: "float32",
      dims: [end - start, ...dims.slice(1)],
      data: data.slice(start * size, end * size),
    };
  }
  return picked;
}
