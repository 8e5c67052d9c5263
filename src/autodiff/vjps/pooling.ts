import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { intAttribute } from "../../graph/graph.ts";
import { unary, type VjpContext, type VjpTable } from "../rules.ts";
import { dimProduct, range } from "./axes.ts";
import { maxPoolVjp } from "./max-pooling.ts";
import { normGradient, sharedExtremum, timesSign } from "./reduction.ts";
import { spreadOverWindows } from "./window-sum.ts";
import { poolingWindows, windowAxes, type WindowAxis, type Windows } from "./windows.ts";

/** How many elements each window averages along one axis: those in the image, or also those in its padding. */
function windowCounts(axis: WindowAxis, includesPads: boolean): readonly number[] {
  const { kernel, stride, dilation, begin, end, size, count } = axis;
  const low = includesPads ? -begin : 0;
  const high = includesPads ? size + end : size;
  return range(count).map((window) => {
    const start = window * stride - begin;
    return range(kernel).filter((tap) => start + tap * dilation >= low && start + tap * dilation < high)
      .length;
  });
}

/** 1 / (elements averaged) of each window: a number if all are equal, else a constant `[1, 1, windows...]`. */
function windowWeights(
  g: GraphBuilder,
  windows: Windows,
  includesPads: boolean,
  like: string,
): number | string {
  const perAxis = windowAxes(windows).map((axis) => windowCounts(axis, includesPads));
  const counts = perAxis.reduce<readonly number[]>(
    (all, one) => all.flatMap((a) => one.map((b) => a * b)),
    [1],
  );
  const weights = counts.map((count) => (count === 0 ? 0 : 1 / count));
  if (weights.every((weight) => weight === weights[0])) return weights[0] ?? 1;
  return g.floats(weights, [1, 1, ...windows.counts], like);
}

function averagePoolVjp({ g, node, x, y, dy, full }: VjpContext): string {
  const windows = poolingWindows(g, node, x, y);
  const weights = windowWeights(g, windows, intAttribute(node, "count_include_pad", 0) === 1, x);
  const isGlobal = windowAxes(windows).every(
    ({ kernel, size, count, begin, dilation }) =>
      count === 1 && kernel === size && begin === 0 && dilation === 1,
  );
  // One window over the whole image: a small cotangent is enough.
  if (isGlobal) return g.mul(dy, weights);
  return spreadOverWindows(g, g.mul(full(dy), weights), windows);
}

/** x |x|^(p-2) times `spread(dy y^(1-p))`, the gradient of (sum |x|^p)^(1/p); 0 where the norm is 0. */
function lpGradient(context: VjpContext, spread: (cotangent: string) => string): string {
  const { g, node, x, y, dy } = context;
  const p = intAttribute(node, "p", 2);
  if (p === 1) return timesSign(g, x, spread(dy));
  const base = g.where(g.greater(y, 0), y, 1);
  const cotangent = spread(g.mul(dy, p === 2 ? g.unary("Reciprocal", base) : g.pow(base, 1 - p)));
  if (p === 2) return g.mul(x, cotangent);
  return g.mul(g.mul(x, p === 3 ? g.unary("Abs", x) : g.pow(g.unary("Abs", x), p - 2)), cotangent);
}

const spatialAxes = (g: GraphBuilder, x: string): readonly number[] => range(g.rank(x) - 2, 2);

export const poolingVjps: VjpTable = {
  MaxPool: unary(maxPoolVjp),
  AveragePool: unary(averagePoolVjp),
  LpPool: unary((context) => {
    const { g, node, x, y, full } = context;
    const windows = poolingWindows(g, node, x, y);
    return lpGradient(context, (cotangent) => spreadOverWindows(g, full(cotangent), windows));
  }),
  // Left un-expanded: dy / n broadcasts to x.
  GlobalAveragePool: unary(({ g, x, dy }) => {
    const count = dimProduct(g.dims(x).slice(2));
    return g.mul(dy, 1 / Number(count));
  }),
  GlobalMaxPool: unary((context) => sharedExtremum(context, spatialAxes(context.g, context.x))),
  GlobalLpPool: unary((context) =>
    intAttribute(context.node, "p", 2) === 2 ? normGradient(context) : lpGradient(context, (dy) => dy),
  ),
  // Each pooled value reads the cotangent at the position that it was written to.
  MaxUnpool: unary(({ g, dy, full, inputs }) => {
    const all = full(dy);
    return g.node("Gather", [g.reshape(all, [dimProduct(g.dims(all))]), inputs[1] ?? ""], { axis: 0 });
  }),
};
