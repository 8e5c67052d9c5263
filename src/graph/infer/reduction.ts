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
import { axesOf } from "./movement.ts";
import { roundAll } from "./rounding.ts";
import { forEachIndex, offsetOf, stridesOf } from "./strides.ts";

/** The axes that a Reduce node sums over, in either form; all of them if none are named (unless that means "do nothing"). */
function reducedAxes(c: InferContext, rank: number): readonly number[] {
  const axes = axesOf(c, 1, rank) ?? [];
  if (axes.length > 0) return axes;
  return c.int("noop_with_empty_axes", 0) === 1 ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

function reduce(f: (group: readonly number[]) => number): InferRule {
  return (c) => {
    const x = c.input(0);
    const axes = reducedAxes(c, x.dims.length);
    const kept = x.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    const dims = c.int("keepdims", 1) === 1 ? kept : kept.filter((_, axis) => !axes.includes(axis));
    return [
      knownValue(c, x.type, dims, () => {
        if (x.value === undefined || axes.length === 0) return x.value;
        if (x.value.length === 0) return undefined;
        return roundAll(x.type, groups(x, kept).map(f));
      }),
    ];
  };
}

function groups(x: KnownValue, kept: readonly number[]): readonly (readonly number[])[] {
  const result: number[][] = Array.from({ length: elementCount(kept) }, () => []);
  const strides = stridesOf(kept).map((stride, axis) => (kept[axis] === 1 ? 0 : stride));
  forEachIndex(x.dims, (index, position) => {
    result[offsetOf(index, strides)]?.push(x.value?.[position] ?? 0);
  });
  return result;
}

const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);

function arg(isBetter: (a: number, b: number) => boolean): InferRule {
  return (c) => {
    const x = c.input(0);
    const axis = axisOf(c, c.int("axis", 0), x.dims.length);
    const kept = x.dims.with(axis, 1);
    const isLast = c.int("select_last_index", 0) === 1;
    return [
      knownValue(c, "int64", c.int("keepdims", 1) === 1 ? kept : kept.toSpliced(axis, 1), () => {
        if (x.value === undefined) return undefined;
        return groups(x, kept).map((group) => {
          let best = 0;
          group.forEach((element, index) => {
            const current = group[best] ?? 0;
            if (isBetter(element, current) || (isLast && element === current)) best = index;
          });
          return best;
        });
      }),
    ];
  };
}

const topK: InferRule = (c) => {
  const x = c.input(0);
  const axis = axisOf(c, c.int("axis", -1), x.dims.length);
  const attribute = c.int("k", -1);
  const k = attribute >= 0 ? attribute : (c.elements(1, "k")[0] ?? 0);
  if (k > dimOf(c, x, axis)) c.fail(`the ${k} largest of ${x.dims[axis]}.`);
  const dims = x.dims.with(axis, k);
  return [knownValue(c, x.type, dims), knownValue(c, "int64", dims)];
};

const passive: InferRule = (c: InferContext) => [sameShape(c)];

/** Reductions along axes, and the softmax family. */
export const reductionRules: InferTable = {
  ReduceSum: reduce(sum),
  ReduceMean: reduce((xs) => sum(xs) / xs.length),
  ReduceProd: reduce((xs) => xs.reduce((product, x) => product * x, 1)),
  ReduceMax: reduce((xs) => Math.max(...xs)),
  ReduceMin: reduce((xs) => Math.min(...xs)),
  ReduceL1: reduce((xs) => sum(xs.map(Math.abs))),
  ReduceL2: reduce((xs) => Math.sqrt(sum(xs.map((x) => x * x)))),
  ReduceSumSquare: reduce((xs) => sum(xs.map((x) => x * x))),
  ReduceLogSum: reduce((xs) => Math.log(sum(xs))),
  ReduceLogSumExp: reduce((xs) => Math.log(sum(xs.map(Math.exp)))),
  ArgMax: arg((a, b) => a > b),
  ArgMin: arg((a, b) => a < b),
  TopK: topK,
  Softmax: passive,
  LogSoftmax: passive,
  Hardmax: passive,
};
