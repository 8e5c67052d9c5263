import type { Result } from "../state/studio.ts";

/** How long is left, in words; empty before anything can be said. */
export function timeLeft(startedAt: number, done: number, total: number, now = performance.now()): string {
  if (done <= 0 || total <= done) return "";
  const seconds = (((now - startedAt) / done) * (total - done)) / 1000;
  if (seconds < 1) return "less than a second left";
  if (seconds < 90) return `about ${Math.round(seconds)} s left`;
  return `about ${Math.round(seconds / 60)} min left`;
}

/** Progress of an explanation. Shown late, so that quick ones do not flicker. */
export function WorkBar({ result, name }: { readonly result: Result | undefined; readonly name: string }) {
  if (result?.kind !== "running") return null;
  const { progress, startedAt, job } = result;
  return (
    <div class="work">
      <progress
        aria-label={`Progress of ${name}`}
        {...(progress === undefined ? {} : { value: progress.done, max: progress.total })}
      />
      <span class="faint">
        {progress === undefined
          ? "preparing the network"
          : `${progress.done} of ${progress.total} ${timeLeft(startedAt, progress.done, progress.total)}`}
      </span>
      <button type="button" class="quiet small" onClick={() => job.stop()}>
        Stop
      </button>
    </div>
  );
}
