import type { Evaluated, LineSearchResult } from "./line-search.ts";
import type { Mask } from "./mask.ts";
import type { OptimizationRecord } from "./optimizer.ts";
import type { Regularizer, RegularizerWeights } from "./regularizer.ts";

/** The terms of an objective, without their weights. */
export interface MaskFacts {
  readonly score: number;
  readonly l1: number;
  readonly tv: number;
}

/** score + l1 L1(mask) + tv TV(mask) at a point; `values` is the point where it is not the mask itself. */
export function maskObjective(
  mask: Mask,
  score: number,
  regularizer: Regularizer,
  weights: RegularizerWeights,
  values = mask.values,
): Evaluated<MaskFacts> {
  const [l1, tv] = [regularizer.l1(mask), regularizer.tv(mask)];
  return { values, objective: score + weights.l1 * l1 + weights.tv * tv, facts: { score, l1, tv } };
}

/** The line of the loss history for one step. */
export function stepRecord(
  result: LineSearchResult<MaskFacts>,
  start: Evaluated<MaskFacts>,
  l1Weight: number,
): OptimizationRecord {
  return {
    ...result.facts,
    objective: result.objective,
    objectiveBefore: start.objective,
    l1Weight,
    step: result.step,
    evaluations: result.evaluations,
    isAccepted: result.isAccepted,
  };
}
