import type { ElementType } from "../tensor/tensor.ts";
import type { GraphNode } from "./graph.ts";

/**
 * What is known about a value at one concrete batch size. `value` holds the elements (row-major) where they are known
 * and few (shape code, axes, scalars, small constants): numbers for every numeric type, 0/1 for bool.
 */
export interface KnownValue {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly value?: readonly number[];
}

/** The most elements of a constant that are carried through inference. */
export const maxKnownElements = 4096;

/**
 * Type, shape and, where the inputs' elements are known, the elements of each output of a node, at one concrete batch
 * size. Inputs that are absent are `undefined`. Throws `UnsupportedOpError` for an operator that is not in the table and
 * `ModelError` where the inputs contradict the operator.
 */
export type InferNode = (
  node: GraphNode,
  inputs: readonly (KnownValue | undefined)[],
  opset: number,
) => readonly KnownValue[];
