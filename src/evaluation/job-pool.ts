import { fork, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { AbortedError, RuntimeUnavailableError } from "../errors.ts";
import type { RunRecord } from "./records.ts";

/** What a job is told: an image to evaluate, or that there are no more. */
export type JobOrder = { readonly kind: "image"; readonly index: number } | { readonly kind: "end" };

/** What a job says: that it can begin, each record as it is written, that an image is done, or why it cannot go on. */
export type JobNotice =
  | { readonly kind: "ready" }
  | { readonly kind: "record"; readonly record: RunRecord }
  | { readonly kind: "done"; readonly index: number }
  | { readonly kind: "broken"; readonly message: string };

export interface JobPoolOptions {
  /** Processes. */
  readonly count: number;
  /** Program and arguments of job `number` (from 1): a process that serves orders over its IPC channel. */
  readonly command: (number: number) => { readonly script: string; readonly args: readonly string[] };
  readonly onRecord: (record: RunRecord) => void;
  readonly onImage: (index: number) => void;
  /** An image at which a job died more than once. */
  readonly onCrash: (index: number, message: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A job may die at one image, or before it begins, this often before that is given up. */
const maxCrashes = 2;

/** Threads of each job's network, so that all jobs together use every processor once. */
export function threadsPerJob(jobs: number, processors = availableParallelism()): number {
  return Math.max(1, Math.floor(processors / jobs));
}

/**
 * Hands images to processes, one image at a time to each. A job that dies (out of memory, killed) is started again and
 * gets its image once more; an image at which jobs die twice is given up.
 *
 * @throws RuntimeUnavailableError if a job cannot begin; AbortedError on the signal, after the jobs were stopped.
 */
export function runJobPool(indices: readonly number[], options: JobPoolOptions): Promise<void> {
  const { count, command, onRecord, onImage, onCrash, signal } = options;
  const waiting = [...indices].reverse();
  const crashes = new Map<number, number>();
  const earlyEnds = new Map<number, number>();
  const running = new Set<ChildProcess>();
  return new Promise((resolve, reject) => {
    let isSettled = false;
    const settle = (error?: Error): void => {
      if (isSettled) return;
      isSettled = true;
      signal?.removeEventListener("abort", abort);
      for (const child of running) child.kill("SIGTERM");
      if (error === undefined) resolve();
      else reject(error);
    };
    const abort = (): void => settle(new AbortedError("The work was stopped before it was finished."));
    signal?.addEventListener("abort", abort);

    const start = (number: number, interrupted?: number): void => {
      const { script, args } = command(number);
      const child = fork(script, [...args], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
      running.add(child);
      let current: number | undefined;
      let isReady = false;
      // Only a new process has read what the dead one recorded of its image.
      let first = interrupted;
      const next = (): void => {
        current = first ?? waiting.pop();
        first = undefined;
        child.send(
          (current === undefined ? { kind: "end" } : { kind: "image", index: current }) satisfies JobOrder,
        );
      };
      child.on("message", (notice: JobNotice) => {
        switch (notice.kind) {
          case "ready":
            isReady = true;
            next();
            break;
          case "record":
            onRecord(notice.record);
            break;
          case "done":
            current = undefined;
            onImage(notice.index);
            next();
            break;
          case "broken":
            settle(new RuntimeUnavailableError(notice.message));
            break;
        }
      });
      child.on("error", (error) =>
        settle(new RuntimeUnavailableError(`job ${number}: cannot be started (${error.message}).`)),
      );
      child.on("exit", (code, killer) => {
        running.delete(child);
        if (isSettled) return;
        if (!isReady) {
          const times = (earlyEnds.get(number) ?? 0) + 1;
          earlyEnds.set(number, times);
          if (times >= maxCrashes)
            return settle(
              new RuntimeUnavailableError(
                `job ${number}: ended before it began (${killer ?? `exit status ${code}`}).`,
              ),
            );
        }
        const unfinished = current ?? first;
        if (unfinished !== undefined) {
          const times = (crashes.get(unfinished) ?? 0) + 1;
          crashes.set(unfinished, times);
          if (times < maxCrashes) return start(number, unfinished);
          onCrash(
            unfinished,
            `the process died twice at this image (${killer ?? `exit status ${code}`}); out of memory?`,
          );
        }
        if (waiting.length > 0) start(number);
        else if (running.size === 0) settle();
      });
    };
    if (signal?.aborted === true) return abort();
    for (let number = 1; number <= Math.max(1, Math.min(count, indices.length)); number++) start(number);
  });
}
