import type { MethodProgress } from "../methods/define-method.ts";

/** One explanation under way, as the stopper sees it. */
export interface StoppableJob {
  /** Ends this explanation with an `AbortedError`: it has no map to show yet. */
  readonly signal: AbortSignal;
  /** To be told of all progress. */
  progress(progress: MethodProgress): void;
  /** Called with `true` where there is a map that will be written. */
  end(hasMap: boolean): void;
}

/** Decides what an interrupt means for the explanations under way. */
export interface Stopper {
  /** Asks methods to finish with the map they have. */
  readonly stop: AbortSignal;
  begin(): StoppableJob;
  /** So many of the maps that were made are in their files. */
  written(count: number): void;
  /**
   * The first interrupt. `true`: there are maps worth writing, methods have been asked to finish and those that have
   * nothing yet are ended. `false`: there is nothing to wait for.
   */
  request(): boolean;
}

/** See {@link Stopper}. */
export function createStopper(): Stopper {
  const stop = new AbortController();
  const jobs = new Set<{ readonly abort: AbortController; hasMap: boolean }>();
  let unwritten = 0;
  return {
    stop: stop.signal,
    begin() {
      const job = { abort: new AbortController(), hasMap: false };
      jobs.add(job);
      return {
        signal: job.abort.signal,
        progress({ done, map }) {
          if (done > 0 && map !== undefined) job.hasMap = true;
        },
        end(hasMap) {
          jobs.delete(job);
          if (hasMap) unwritten++;
        },
      };
    },
    written(count) {
      unwritten -= count;
    },
    request() {
      if (unwritten === 0 && ![...jobs].some(({ hasMap }) => hasMap)) return false;
      stop.abort();
      for (const { abort, hasMap } of jobs) if (!hasMap) abort.abort();
      return true;
    },
  };
}
