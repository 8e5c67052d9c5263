import type { MethodProgress } from "../methods/define-method.ts";
import type { ProgressBar } from "./progress.ts";

/** One of several pieces of work that share a progress bar. */
export interface ProgressPart {
  update(progress: MethodProgress): void;
  end(): void;
}

/** A progress bar for work that goes on at once. */
export interface JointProgress {
  /** So many more maps will be made: they count in the total before they begin. */
  expect(count: number): void;
  begin(label: string): ProgressPart;
}

interface Part {
  done: number;
  total: number;
  objective: number | undefined;
  isOver: boolean;
}

/**
 * Sums explanations that run at once up in one line: `done` and `total` are those of all, the objective is their mean. What
 * has ended counts until everything has ended, so that the line and its remaining time do not jump back.
 */
export function createJointProgress(bar: ProgressBar): JointProgress {
  let parts: Part[] = [];
  let expected = 0;
  const draw = (): void => {
    const known = parts.filter(({ total }) => total > 0);
    // A thousand masks here and ten iterations there are no sum: then all count alike, in per cent.
    const isOneUnit = new Set(known.map(({ total }) => total)).size <= 1;
    const sum = (value: (part: Part) => number): number => known.reduce((all, part) => all + value(part), 0);
    const done = isOneUnit
      ? sum((part) => part.done)
      : Math.round(sum((part) => (100 * part.done) / part.total));
    // What has not reported yet will do as much as the others.
    const count = Math.max(expected, parts.length);
    const total = isOneUnit ? count * (known[0]?.total ?? 0) : 100 * count;
    const objectives = parts.flatMap(({ objective, isOver }) =>
      objective === undefined || isOver ? [] : [objective],
    );
    const mean = objectives.reduce((all, value) => all + value, 0) / objectives.length;
    const name = objectives.length > 1 ? "mean objective" : "objective";
    if (total > 0) bar.update(done, total, objectives.length === 0 ? "" : `${name} ${mean.toPrecision(4)}`);
  };
  return {
    expect(count) {
      expected += count;
    },
    begin(label) {
      const part: Part = { done: 0, total: 0, objective: undefined, isOver: false };
      const isFirst = parts.length === 0;
      parts.push(part);
      if (isFirst) bar.start(expected > 1 ? `${expected} maps` : label);
      else bar.relabel(`${Math.max(expected, parts.length)} maps`);
      return {
        update({ done, total, objective }) {
          Object.assign(part, { done, total, objective });
          draw();
        },
        end() {
          part.isOver = true;
          if (parts.length < expected || parts.some((other) => !other.isOver)) return;
          parts = [];
          expected = 0;
        },
      };
    },
  };
}
