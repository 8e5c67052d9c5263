import { UnsupportedOpError } from "../../errors.ts";
import type { GraphBuilder } from "../../graph/graph-builder.ts";
import {
  batchFactor,
  batchMultiple,
  intAttribute,
  intsAttribute,
  type Dim,
  type GraphNode,
  type Shape,
} from "../../graph/graph.ts";
import type { VjpContext, VjpThunk } from "../rules.ts";

/** An axis counted from the front: -1 of rank 4 is 3. */
export function positiveAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** The axis attribute of a node, counted from the front of `value`. */
export function axisAttribute(g: GraphBuilder, node: GraphNode, value: string, fallback: number): number {
  return positiveAxis(intAttribute(node, "axis", fallback), g.rank(value));
}

/** The name of an operand that is there; absent ones are named "". */
export function present(name: string | undefined): string | undefined {
  return name === "" ? undefined : name;
}

/** 0, 1, ..., count - 1. */
export function range(count: number, start = 0): readonly number[] {
  return Array.from({ length: count }, (_, index) => start + index);
}

/** The number of elements of a shape in which at most one dimension depends on the batch. */
export function dimProduct(dims: Shape): Dim {
  let count = 1;
  let isBatch = false;
  for (const dim of dims) {
    const factor = typeof dim === "number" ? dim : batchFactor(dim);
    if (factor === undefined || (isBatch && typeof dim !== "number"))
      throw new UnsupportedOpError(`Shape [${dims.join(", ")}]: the batch size occurs more than once.`);
    count *= factor;
    isBatch ||= typeof dim !== "number";
  }
  return isBatch ? batchMultiple(count) : count;
}

/**
 * Axes of a reduction: an attribute up to opset 17 (12 for ReduceSum), an input afterwards, all axes where absent.
 * An empty list means that nothing is reduced (`noop_with_empty_axes`).
 */
export function reducedAxes({ g, node, x, inputs }: VjpContext): readonly number[] {
  const rank = g.rank(x);
  const input = inputs[1] ?? "";
  const axes = input === "" ? intsAttribute(node, "axes") : g.constantValue(input);
  if (axes === undefined && input !== "") throw notConstant(node, "axes");
  if (axes !== undefined && axes.length > 0)
    return axes.map((axis) => positiveAxis(axis, rank)).sort((a, b) => a - b);
  return intAttribute(node, "noop_with_empty_axes", 0) === 1 ? [] : range(rank);
}

/** Numbers that a rule needs when the graph is built: a constant input. */
export function constantInput(
  { g, node, inputs }: VjpContext,
  index: number,
  what: string,
): readonly number[] {
  const value = g.constantValue(inputs[index] ?? "");
  if (value === undefined) throw notConstant(node, what);
  return value;
}

function notConstant(node: GraphNode, what: string): UnsupportedOpError {
  return new UnsupportedOpError(
    `${node.opType} at node '${node.name}': no gradient rule where ${what} is computed from the image. ` +
      "Choose a layer after it, or use a forward-only method: rise, score-cam, occlusion, lime.",
  );
}

/** An attribute value that a rule does not cover. */
export function unsupported(node: GraphNode, what: string): UnsupportedOpError {
  return new UnsupportedOpError(
    `${node.opType} at node '${node.name}': no gradient rule for ${what}. ` +
      "Choose a layer after it, or use a forward-only method: rise, score-cam, occlusion, lime.",
  );
}

/** A thunk for a float input without a rule: it throws when the gradient is wanted, instead of dropping it. */
export function refuse(node: GraphNode, what: string): VjpThunk {
  return () => {
    throw unsupported(node, what);
  };
}

/** The cotangent of the output, with every element along the given axes (other axes may stay small). */
export function fullAlong({ g, y, dy, full }: VjpContext, axes: readonly number[]): string {
  const dims = g.dims(dy);
  const target = g.dims(y);
  const isFull = dims.length === target.length && axes.every((axis) => dims[axis] === target[axis]);
  return isFull ? dy : full(dy);
}

/** Slices (positive `ends` and `begins` crop) or pads with zeros (negative entries) single axes of a value. */
export function cropAxes(
  g: GraphBuilder,
  x: string,
  begins: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
): string {
  const cropped = axes.map((axis, index) => ({
    axis,
    begin: Math.max(begins[index] ?? 0, 0),
    end: Math.max(ends[index] ?? 0, 0),
  }));
  const used = cropped.filter(({ begin, end }) => begin > 0 || end > 0);
  const smaller =
    used.length === 0
      ? x
      : g.slice(
          x,
          used.map(({ begin }) => begin),
          used.map(({ end }) => (end === 0 ? largestIndex : -end)),
          used.map(({ axis }) => axis),
        );
  const pads = range(2 * g.rank(x)).map(() => 0);
  axes.forEach((axis, index) => {
    pads[axis] = Math.max(-(begins[index] ?? 0), 0);
    pads[axis + g.rank(x)] = Math.max(-(ends[index] ?? 0), 0);
  });
  return g.pad(smaller, pads);
}

/** "To the end" in a Slice. */
export const largestIndex = 2147483647;

/** Reverses the order of the elements along axes. */
export function flip(g: GraphBuilder, x: string, axes: readonly number[]): string {
  if (axes.length === 0) return x;
  return g.slice(
    x,
    axes.map(() => -1),
    axes.map(() => -largestIndex),
    axes,
    axes.map(() => -1),
  );
}
