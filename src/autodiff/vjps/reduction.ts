import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { intAttribute } from "../../graph/graph.ts";
import { unary, type VjpContext, type VjpTable } from "../rules.ts";
import { axisAttribute, constantInput, fullAlong, positiveAxis, range, reducedAxes } from "./axes.ts";

/** A reduction as its rules see it: cotangent and output with the reduced axes kept as 1, so that both broadcast to x. */
interface Reduction extends VjpContext {
  readonly axes: readonly number[];
}

function reduction(rule: (context: Reduction) => string) {
  return unary((context) => {
    const { g, node, x, y } = context;
    const axes = reducedAxes(context);
    const isKept = intAttribute(node, "keepdims", 1) === 1 || axes.length === 0;
    const keep = (value: string): string => {
      if (isKept) return value;
      // A cotangent of lower rank stands for one with leading axes of 1.
      const missing = g.rank(y) - g.rank(value);
      const lead = missing > 0 ? g.node("Unsqueeze", [value, g.ints(range(missing))]) : value;
      return g.node("Unsqueeze", [lead, g.ints(axes)]);
    };
    return rule({ ...context, x, y: keep(y), dy: keep(context.dy), axes });
  });
}

/** The number of elements that were reduced to one; a value of the graph where it depends on the batch. */
function reducedCount(g: GraphBuilder, x: string, axes: readonly number[]): number | string {
  const dims = axes.map((axis) => g.dim(x, axis));
  if (dims.every((dim) => typeof dim === "number")) return dims.reduce((a, b) => a * b, 1);
  const sizes = g.node("Gather", [g.unary("Shape", x), g.ints(axes)], { axis: 0 });
  return g.cast(g.reduce("ReduceProd", sizes, [0], false), g.type(x));
}

/** 1 where x holds the extremum, shared among ties: as PyTorch's amax and amin. */
export function sharedExtremum(
  { g, x, y, dy }: Pick<VjpContext, "g" | "x" | "y" | "dy">,
  axes: readonly number[],
): string {
  const mask = g.cast(g.equal(x, y), g.type(x));
  return g.mul(g.div(dy, g.reduce("ReduceSum", mask, axes)), mask);
}

/** dy where x > 0, -dy where x < 0. (Sign has no WebGPU kernel.) */
export function timesSign(g: GraphBuilder, x: string, dy: string): string {
  return g.where(g.greater(x, 0), dy, g.where(g.less(x, 0), g.unary("Neg", dy), 0));
}

/** x dy / y, 0 where the norm y is 0. */
export function normGradient({ g, x, y, dy }: Pick<VjpContext, "g" | "x" | "y" | "dy">): string {
  return g.mul(x, g.div(dy, g.where(g.greater(y, 0), y, 1)));
}

export const reductionVjps: VjpTable = {
  // Left un-expanded: dy / n broadcasts to x.
  ReduceMean: reduction(({ g, x, dy, axes }) => {
    const count = reducedCount(g, x, axes);
    return typeof count === "number" ? g.mul(dy, 1 / count) : g.div(dy, count);
  }),
  ReduceSum: reduction(({ dy }) => dy),
  ReduceMax: reduction((context) => sharedExtremum(context, context.axes)),
  ReduceMin: reduction((context) => sharedExtremum(context, context.axes)),
  ReduceL1: reduction(({ g, x, dy }) => timesSign(g, x, dy)),
  ReduceL2: reduction(normGradient),
  ReduceSumSquare: reduction(({ g, x, dy }) => g.mul(x, g.mul(dy, 2))),
  // y = log sum x: dy e^-y
  ReduceLogSum: reduction(({ g, y, dy }) => g.mul(dy, g.unary("Exp", g.unary("Neg", y)))),
  ReduceLogSumExp: reduction(({ g, x, y, dy }) => g.mul(dy, g.unary("Exp", g.sub(x, y)))),
  // The product of the others: P / x with the zeros left out of P; 0 where another element is 0.
  ReduceProd: reduction(({ g, x, dy, axes }) => {
    const isZero = g.equal(x, 0);
    const nonzero = g.where(isZero, 1, x);
    const zeros = g.cast(isZero, g.type(x));
    const otherZeros = g.sub(g.reduce("ReduceSum", zeros, axes), zeros);
    const others = g.div(g.mul(dy, g.reduce("ReduceProd", nonzero, axes)), nonzero);
    return g.where(g.equal(otherZeros, 0), others, 0);
  }),
  // The adjoint of a running sum is the running sum from the other end.
  CumSum: unary((context) => {
    const { g, node, x, inputs } = context;
    const axis = positiveAxis(constantInput(context, 1, "axis")[0] ?? 0, g.rank(x));
    return g.node("CumSum", [fullAlong(context, [axis]), inputs[1] ?? ""], {
      exclusive: intAttribute(node, "exclusive", 0),
      reverse: 1 - intAttribute(node, "reverse", 0),
    });
  }),
  // Each chosen value sends its cotangent back to where it came from; the indices are distinct.
  TopK: unary(({ g, node, x, y, dy, full, outputs }) => {
    const axis = axisAttribute(g, node, y, -1);
    return g.node("ScatterElements", [g.filledLike(x), outputs[1] ?? "", full(dy)], { axis });
  }),
};
