import { assert } from "../../errors.ts";
import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { range } from "./axes.ts";

/**
 * The identity matrix in float32. An operator that acts along one axis, applied to it, gives the matrix of that operator
 * as the runtime itself computes it (rounding of coordinates included); ONNX Runtime folds it when it loads the model.
 */
export function identityMatrix(g: GraphBuilder, size: number): string {
  const values = new Float32Array(size * size);
  for (let index = 0; index < size; index++) values[index * (size + 1)] = 1;
  return g.constant({ type: "float32", dims: [size, size], data: values }, "identity");
}

/**
 * Contracts one axis of a value with a matrix `[outputs, inputs]` from the left: the adjoint of an operator along that
 * axis. `[.., outputs, ..]` becomes `[.., inputs, ..]`.
 */
export function contractAxis(g: GraphBuilder, value: string, matrix: string, axis: number): string {
  const rank = g.rank(value);
  assert(axis < rank && g.rank(matrix) === 2, `axis ${axis} of '${value}'`);
  const typed = g.cast(matrix, g.type(value));
  if (axis === rank - 1) return g.matmul(value, typed);
  if (axis === rank - 2) return g.matmul(g.transpose(typed, [1, 0]), value);
  const perm = range(rank).map((index) => (index === axis ? rank - 1 : index === rank - 1 ? axis : index));
  return g.transpose(g.matmul(g.transpose(value, perm), typed), perm);
}
