import { elementCount } from "../../tensor/tensor.ts";
import type { KnownValue } from "../infer-node.ts";
import {
  axisOf,
  dimOf,
  knownValue,
  sameShape,
  type InferContext,
  type InferRule,
  type InferTable,
} from "./context.ts";
import { gatherStrided, offsetOf, stridesOf } from "./strides.ts";

/** Axes from the attribute (older opsets) or an input (newer), counted from the front; `undefined` if given nowhere. */
export function axesOf(c: InferContext, index: number, rank: number): readonly number[] | undefined {
  const axes =
    c.ints("axes") ?? (c.optional(index) === undefined ? undefined : c.elements(index, "the axes"));
  return axes?.map((axis) => axisOf(c, axis, rank));
}

const keepElements = (c: InferContext, x: KnownValue, dims: readonly number[]): KnownValue =>
  knownValue(c, x.type, dims, () => x.value);

const reshape: InferRule = (c) => {
  const x = c.input(0);
  const target = c.ints("shape") ?? c.elements(1, "the shape");
  const allowZero = c.int("allowzero", 0) === 1;
  const dims = target.map((entry, axis) => (entry === 0 && !allowZero ? dimOf(c, x, axis) : entry));
  const free = dims.indexOf(-1);
  if (free >= 0) {
    const others = elementCount(dims.filter((_, axis) => axis !== free));
    dims[free] = others === 0 ? 0 : elementCount(x.dims) / others;
  }
  if (elementCount(dims) !== elementCount(x.dims) || dims.some((dim) => !Number.isInteger(dim))) {
    c.fail(`cannot reshape [${x.dims.join(", ")}] to [${target.join(", ")}].`);
  }
  return [keepElements(c, x, dims)];
};

const flatten: InferRule = (c) => {
  const x = c.input(0);
  const axis = c.int("axis", 1);
  const split = axis < 0 ? axis + x.dims.length : axis;
  return [keepElements(c, x, [elementCount(x.dims.slice(0, split)), elementCount(x.dims.slice(split))])];
};

const squeeze: InferRule = (c) => {
  const x = c.input(0);
  const axes = axesOf(c, 1, x.dims.length);
  for (const axis of axes ?? []) {
    if (x.dims[axis] !== 1) c.fail(`axis ${axis} of shape [${x.dims.join(", ")}] is not 1.`);
  }
  return [
    keepElements(
      c,
      x,
      x.dims.filter((dim, axis) => (axes === undefined ? dim !== 1 : !axes.includes(axis))),
    ),
  ];
};

const unsqueeze: InferRule = (c) => {
  const x = c.input(0);
  const given = c.ints("axes") ?? c.elements(1, "the axes");
  const rank = x.dims.length + given.length;
  const axes = new Set(given.map((axis) => axisOf(c, axis, rank)));
  if (axes.size !== given.length) c.fail("the same axis twice.");
  const rest = [...x.dims];
  const dims = Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (rest.shift() ?? 1)));
  return [keepElements(c, x, dims)];
};

const transpose: InferRule = (c) => {
  const x = c.input(0);
  const perm = c.ints("perm") ?? x.dims.map((_, axis) => x.dims.length - 1 - axis);
  if (perm.length !== x.dims.length || new Set(perm).size !== perm.length) {
    c.fail(`permutation [${perm.join(", ")}] of shape [${x.dims.join(", ")}].`);
  }
  const strides = stridesOf(x.dims);
  const dims = perm.map((axis) => dimOf(c, x, axis));
  return [
    knownValue(
      c,
      x.type,
      dims,
      () =>
        x.value &&
        gatherStrided(
          x.value,
          dims,
          perm.map((axis) => strides[axis] ?? 0),
        ),
    ),
  ];
};

const concat: InferRule = (c) => {
  const first = c.input(0);
  const values = c.inputs.map((_, index) => c.input(index));
  const axis = axisOf(c, c.int("axis", 1), first.dims.length);
  for (const { dims } of values) {
    if (dims.length !== first.dims.length || dims.some((dim, a) => a !== axis && dim !== first.dims[a])) {
      c.fail(`shapes ${values.map((v) => `[${v.dims.join(", ")}]`).join(", ")} do not join on axis ${axis}.`);
    }
  }
  const total = values.reduce((sum, value) => sum + (value.dims[axis] ?? 0), 0);
  const dims = first.dims.with(axis, total);
  return [
    knownValue(c, first.type, dims, () => {
      const outer = elementCount(dims.slice(0, axis));
      const result: number[] = [];
      for (let row = 0; row < outer; row++) {
        for (const { value, dims: own } of values) {
          if (value === undefined) return undefined;
          const length = elementCount(own.slice(axis));
          for (let i = 0; i < length; i++) result.push(value[row * length + i] ?? 0);
        }
      }
      return result;
    }),
  ];
};

/** A box of the input: start and step on every axis. */
function box(
  c: InferContext,
  x: KnownValue,
  dims: readonly number[],
  starts: readonly number[],
  steps: readonly number[],
): KnownValue {
  const strides = stridesOf(x.dims);
  return knownValue(
    c,
    x.type,
    dims,
    () =>
      x.value &&
      gatherStrided(
        x.value,
        dims,
        strides.map((stride, axis) => stride * (steps[axis] ?? 1)),
        offsetOf(starts, strides),
      ),
  );
}

/** The sizes of the parts that a Split makes, in any of its three forms (attribute, input, equal parts). */
function splitSizes(c: InferContext, size: number): readonly number[] {
  const given = c.ints("split") ?? (c.optional(1) === undefined ? undefined : c.elements(1, "the sizes"));
  if (given !== undefined) return given;
  const count = c.node.outputs.length;
  const part = Math.ceil(size / count);
  return c.node.outputs.map((_, index) => Math.max(0, Math.min(part, size - index * part)));
}

const split: InferRule = (c) => {
  const x = c.input(0);
  const axis = axisOf(c, c.int("axis", 0), x.dims.length);
  const sizes = splitSizes(c, dimOf(c, x, axis));
  if (sizes.reduce((sum, size) => sum + size, 0) !== x.dims[axis]) {
    c.fail(`parts [${sizes.join(", ")}] of an axis of ${x.dims[axis]}.`);
  }
  let start = 0;
  return sizes.map((size) => {
    const starts = x.dims.map((_, a) => (a === axis ? start : 0));
    start += size;
    return box(
      c,
      x,
      x.dims.with(axis, size),
      starts,
      x.dims.map(() => 1),
    );
  });
};

/** Start, size and step of a Slice on every axis, clamped as ONNX says. */
function sliceBox(c: InferContext): { starts: number[]; sizes: number[]; steps: number[] } {
  const x = c.input(0);
  const rank = x.dims.length;
  const from = c.ints("starts") ?? c.elements(1, "the starts");
  const to = c.ints("ends") ?? c.elements(2, "the ends");
  const axes = axesOf(c, 3, rank) ?? from.map((_, axis) => axisOf(c, axis, rank));
  const by = c.optional(4) === undefined ? from.map(() => 1) : c.elements(4, "the steps");
  const starts = x.dims.map(() => 0);
  const sizes = [...x.dims];
  const steps = x.dims.map(() => 1);
  axes.forEach((axis, i) => {
    const dim = dimOf(c, x, axis);
    const step = by[i] ?? 1;
    if (step === 0) c.fail("a step of 0.");
    const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
    const clamp = (value: number, least: number) =>
      Math.min(high, Math.max(least, value < 0 ? value + dim : value));
    const start = clamp(from[i] ?? 0, Math.max(low, 0));
    const end = clamp(to[i] ?? dim, low);
    starts[axis] = start;
    steps[axis] = step;
    sizes[axis] = Math.max(0, Math.ceil((end - start) / step));
  });
  return { starts, sizes, steps };
}

const slice: InferRule = (c) => {
  const { starts, sizes, steps } = sliceBox(c);
  return [box(c, c.input(0), sizes, starts, steps)];
};

/** Operators that lay elements out anew, join or cut them. */
export const movementRules: InferTable = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  ReverseSequence: (c) => [sameShape(c)],
};
