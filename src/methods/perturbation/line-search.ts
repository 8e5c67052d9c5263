/** A backtracking line search. */
export interface LineSearchSettings {
  /** First step tried. I-GOS: 200. */
  readonly initialStep: number;
  /** Factor of the step after a failure. 0.2. */
  readonly shrink: number;
  /** How much of the predicted decrease is asked for (c1). 1e-4. */
  readonly armijo: number;
  /** A step below this ends the search; its result is taken even if it was refused. 1e-5. */
  readonly smallestStep: number;
  /**
   * `raw` asks for f0 - c1 a |g|^2 as the papers do; the sum includes cells that the box [0, 1] blocks, so that it can become
   * unsatisfiable. `projected` asks for f0 - (c1 / a) |M - M'|^2, the same where nothing is clamped.
   */
  readonly rule: "raw" | "projected";
  /** Candidate steps evaluated in one run of the network. Does not change the result. */
  readonly candidates: number;
}

/** The line search of I-GOS: 200, 40, 8, ... down to 4.1e-6, at most 12 evaluations. */
export const iGosLineSearch: LineSearchSettings = {
  initialStep: 200,
  shrink: 0.2,
  armijo: 1e-4,
  smallestStep: 1e-5,
  rule: "raw",
  candidates: 1,
};

/** A point and what is known of it. */
export interface Evaluated<Facts> {
  readonly values: Float64Array;
  readonly objective: number;
  readonly facts: Facts;
}

export interface LineSearchResult<Facts> extends Evaluated<Facts> {
  readonly step: number;
  /** Candidates up to and including the one taken. */
  readonly evaluations: number;
  /** False if the search ended at the smallest step without satisfying the test. */
  readonly isAccepted: boolean;
}

/**
 * Goes from a point against the gradient, clamped to the box [0, 1], by the first step of a geometric sequence that
 * decreases the objective enough. A non-finite objective counts as refused.
 */
export async function searchLine<Facts>(
  start: Evaluated<Facts>,
  gradient: Float64Array,
  settings: LineSearchSettings,
  evaluate: (candidates: readonly Float64Array[]) => Promise<readonly Evaluated<Facts>[]>,
): Promise<LineSearchResult<Facts>> {
  const steps = stepSequence(settings);
  const squaredNorm = gradient.reduce((sum, value) => sum + value * value, 0);
  let evaluations = 0;
  for (let first = 0; first < steps.length; first += settings.candidates) {
    const batch = steps.slice(first, first + settings.candidates);
    const results = await evaluate(batch.map((step) => projectedStep(start.values, gradient, step)));
    for (const [index, step] of batch.entries()) {
      const result = results[index]!;
      evaluations++;
      const decrease =
        settings.rule === "raw"
          ? settings.armijo * step * squaredNorm
          : (settings.armijo / step) * squaredDistance(start.values, result.values);
      const isAccepted = result.objective <= start.objective - decrease;
      if (isAccepted || evaluations === steps.length) return { ...result, step, evaluations, isAccepted };
    }
  }
  return { ...start, step: 0, evaluations, isAccepted: false };
}

/** The steps tried, largest first; the last one is the first below the smallest step. */
export function stepSequence({ initialStep, shrink, smallestStep }: LineSearchSettings): readonly number[] {
  const steps = [initialStep];
  for (let step = initialStep; step >= smallestStep; steps.push(step)) step *= shrink;
  return steps;
}

/** clamp(values - step * gradient, 0, 1). */
export function projectedStep(values: Float64Array, gradient: Float64Array, step: number): Float64Array {
  return values.map((value, cell) => Math.min(1, Math.max(0, value - step * gradient[cell]!)));
}

function squaredDistance(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, index) => sum + (value - b[index]!) ** 2, 0);
}
