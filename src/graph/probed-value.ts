import { ModelError } from "../errors.ts";
import type { ElementType } from "../tensor/tensor.ts";
import { batchMultiple, concreteDim, type Shape } from "./graph.ts";
import type { KnownValue } from "./infer-node.ts";

/** Two batch sizes tell a dimension that depends on the batch from one that does not. */
export const probeBatches = [2, 3] as const;

/** A value at both probe batch sizes. */
export type ProbedValue = readonly [KnownValue, KnownValue];

/** The shape that two probes agree on; symbols are multiples of the batch. */
export function mergeDims(a: readonly number[], b: readonly number[], value: string): Shape {
  if (a.length !== b.length) throw new ModelError(`Value '${value}': its rank depends on the batch size.`);
  const [first, second] = probeBatches;
  return a.map((dim, index) => {
    const other = b[index] ?? 0;
    if (dim === other) return dim;
    if (dim * second === other * first) return batchMultiple(dim / first);
    throw new ModelError(
      `Value '${value}': axis ${index} depends on the batch size in a way that is not a multiple.`,
    );
  });
}

/** A value of a declared shape. */
export function probeDims(type: ElementType, dims: Shape): ProbedValue {
  const at = (batch: number): KnownValue => ({
    type,
    dims: dims.map((dim) => {
      const size = concreteDim(dim, batch);
      if (size === undefined) throw new ModelError(`Dimension '${dim}' is not known.`);
      return size;
    }),
  });
  return [at(probeBatches[0]), at(probeBatches[1])];
}
