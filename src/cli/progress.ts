/** A line on the terminal that shows how far the work is and how long it will still take. */
export interface ProgressBar {
  /** Shows `done` of `total`, with a note such as the current objective behind it. */
  update(done: number, total: number, note?: string): void;
  /** Names what is being worked on now; the remaining time starts anew. */
  start(label: string): void;
  /** Takes the line away. Whoever prints something else calls it first. */
  clear(): void;
}

/** What the bar writes to; `process.stderr` is one. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const barWidth = 24;
/** Redrawing more often than this costs time and nobody sees it. */
const redrawIntervalInMs = 80;

/** Seconds as a person would say them: `7 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/**
 * A progress bar on a terminal, silence anywhere else (a pipe, a file, `--quiet`).
 * @param now milliseconds; a parameter for tests.
 */
export function createProgressBar(
  stream: ProgressStream,
  isEnabled: boolean,
  now: () => number = Date.now,
): ProgressBar {
  if (!isEnabled || stream.isTTY !== true)
    return { update: () => undefined, start: () => undefined, clear: () => undefined };
  let label = "";
  let startedAt = now();
  let drawnAt = -Infinity;
  let isVisible = false;
  const clear = (): void => {
    if (isVisible) stream.write("\r\u001b[2K");
    isVisible = false;
  };
  const draw = (text: string): void => {
    // One column less than there are, or the terminal wraps and the line cannot be taken back.
    const width = stream.columns === undefined || stream.columns === 0 ? 80 : stream.columns;
    const room = Math.max(10, width - 1);
    stream.write(`\r\u001b[2K${text.length > room ? text.slice(0, room) : text}`);
    isVisible = true;
  };
  return {
    clear,
    start(text) {
      label = text;
      startedAt = now();
      drawnAt = -Infinity;
      draw(text);
    },
    update(done, total, note = "") {
      const time = now();
      if (time - drawnAt < redrawIntervalInMs && done < total) return;
      drawnAt = time;
      const fraction = total > 0 ? Math.min(1, done / total) : 0;
      const filled = Math.round(fraction * barWidth);
      const bar = `${"█".repeat(filled)}${"░".repeat(barWidth - filled)}`;
      const elapsed = (time - startedAt) / 1000;
      const remaining = fraction > 0 ? `, ${formatDuration((elapsed * (1 - fraction)) / fraction)} left` : "";
      draw(`${label} ${bar} ${done}/${total}${remaining}${note === "" ? "" : `  ${note}`}`);
    },
  };
}
