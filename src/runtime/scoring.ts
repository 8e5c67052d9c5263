import { ParameterError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { probabilities, type ScoreKind, type Target } from "./model.ts";

/** One target an image, each checked. */
export function targetList(
  target: Target | readonly Target[],
  count: number,
  classCount: number,
): readonly Target[] {
  const targets = isList(target) ? target : Array.from({ length: count }, () => target);
  if (targets.length !== count) {
    throw new ParameterError(`target: expected one for each of the ${count} images, got ${targets.length}.`);
  }
  for (const { index, minus } of targets) {
    for (const value of minus === undefined ? [index] : [index, minus]) {
      if (!Number.isInteger(value) || value < 0 || value >= classCount) {
        throw new ParameterError(`target: expected a class index from 0 to ${classCount - 1}, got ${value}.`);
      }
    }
  }
  return targets;
}

function isList(target: Target | readonly Target[]): target is readonly Target[] {
  return Array.isArray(target);
}

/** What is differentiated, as weights of the scores `[count, classes]`: 1 at the class, -1 at the one it is compared with. */
export function cotangentTensor(targets: readonly Target[], count: number, classCount: number): Tensor {
  const data = new Float32Array(count * classCount);
  targets.forEach(({ index, minus }, row) => {
    data[row * classCount + index] = 1;
    if (minus !== undefined) data[row * classCount + minus] = -1;
  });
  return { type: "float32", dims: [count, classCount], data };
}

/** The score of each row of logits `[N, K]` for its target, in float64. */
export function scoresOfLogits(
  logits: Tensor,
  targets: readonly Target[],
  kind: ScoreKind,
  probabilityKind: "softmax" | "sigmoid",
): Float64Array {
  const classCount = logits.dims[1] ?? 0;
  return Float64Array.from(targets, ({ index, minus }, row) => {
    const values = logits.data.subarray(row * classCount, (row + 1) * classCount);
    const p = kind === "logit" ? values : probabilities(values, probabilityKind);
    const at = (position: number): number => {
      const value = p[position] ?? Number.NaN;
      return kind === "log-probability" ? Math.log(value) : value;
    };
    return minus === undefined ? at(index) : at(index) - at(minus);
  });
}
