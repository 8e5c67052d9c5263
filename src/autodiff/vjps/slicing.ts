import { stringAttribute, type Shape } from "../../graph/graph.ts";
import { unary, type VjpContext, type VjpTable } from "../rules.ts";
import { contractAxis, identityMatrix } from "./axis-matrix.ts";
import {
  axisAttribute,
  constantInput,
  cropAxes,
  flip,
  fullAlong,
  positiveAxis,
  range,
  refuse,
  unsupported,
} from "./axes.ts";

/** One axis of a Slice: the first element taken, the step, and how many are taken. */
interface SlicedAxis {
  readonly axis: number;
  readonly first: number;
  readonly step: number;
  readonly count: number;
  readonly size: number;
}

function slicedAxes(context: VjpContext): readonly SlicedAxis[] {
  const { g, x, y, inputs } = context;
  const starts = constantInput(context, 1, "a start");
  const axes = inputs[3] ? constantInput(context, 3, "an axis") : range(starts.length);
  const steps = inputs[4] ? constantInput(context, 4, "a step") : starts.map(() => 1);
  return starts.flatMap((start, index) => {
    const axis = positiveAxis(axes[index] ?? index, g.rank(x));
    const step = steps[index] ?? 1;
    // The whole axis, which may be the batch.
    if (step === 1 && g.dim(x, axis) === g.dim(y, axis)) return [];
    const size = g.size(x, axis);
    const counted = start < 0 ? start + size : start;
    const first = Math.min(Math.max(counted, 0), step < 0 ? size - 1 : size);
    return [{ axis, first, step, count: g.size(y, axis), size }];
  });
}

/** The adjoint of Slice: the cotangent in its place, zeros around it and between its elements. */
function sliceVjp(context: VjpContext): string {
  const { g, x } = context;
  const axes = slicedAxes(context);
  if (axes.some(({ count }) => count === 0)) return g.filledLike(x);
  let value = fullAlong(
    context,
    axes.map(({ axis }) => axis),
  );
  value = flip(
    g,
    value,
    axes.filter(({ step }) => step < 0).map(({ axis }) => axis),
  );
  const begins: number[] = [];
  const ends: number[] = [];
  for (const { axis, first, step, count, size } of axes) {
    const stride = Math.abs(step);
    const lowest = step < 0 ? first + step * (count - 1) : first;
    if (stride > 1) value = spread(context, value, axis, stride);
    begins.push(-lowest);
    ends.push(lowest + count * stride - size);
  }
  return cropAxes(
    g,
    value,
    begins,
    ends,
    axes.map(({ axis }) => axis),
  );
}

/** Inserts `stride - 1` zeros after every element along an axis. */
function spread({ g }: VjpContext, value: string, axis: number, stride: number): string {
  const dims = g.dims(value);
  const columns = g.node("Unsqueeze", [value, g.ints([axis + 1])]);
  const padded = cropAxes(g, columns, [0], [1 - stride], [axis + 1]);
  const merged: Shape = dims.map((dim, index) => (index === axis ? Number(dim) * stride : dim));
  return g.reshape(padded, merged);
}

/** How Pad places its input: pads of each padded axis. */
function paddedAxes(context: VjpContext): readonly { axis: number; begin: number; end: number }[] {
  const { g, x, inputs } = context;
  const pads = constantInput(context, 1, "a pad");
  const axes = inputs[3] ? constantInput(context, 3, "an axis") : range(g.rank(x));
  return axes
    .map((axis, index) => ({
      axis: positiveAxis(axis, g.rank(x)),
      begin: pads[index] ?? 0,
      end: pads[index + axes.length] ?? 0,
    }))
    .filter(({ begin, end }) => begin !== 0 || end !== 0);
}

/** Constant padding is undone by cropping; the other modes sum what they repeated, with the matrix of each axis. */
function padVjp(context: VjpContext): string {
  const { g, node, x } = context;
  const mode = stringAttribute(node, "mode", "constant");
  const padded = paddedAxes(context);
  const axes = padded.map(({ axis }) => axis);
  const dy = fullAlong(context, axes);
  if (mode === "constant") {
    return cropAxes(
      g,
      dy,
      padded.map(({ begin }) => begin),
      padded.map(({ end }) => end),
      axes,
    );
  }
  return padded.reduce((value, { axis, begin, end }) => {
    const identity = identityMatrix(g, g.size(x, axis));
    const matrix = g.node("Pad", [identity, g.ints([begin, 0, end, 0])], { mode });
    return contractAxis(g, value, matrix, axis);
  }, dy);
}

export const slicingVjps: VjpTable = {
  Slice: unary(sliceVjp),
  // One Split if all parts are wanted, else a Slice for each that is.
  Concat: (context) => {
    const { g, node, y, inputs, needs } = context;
    const axis = axisAttribute(g, node, y, 0);
    const sizes = (): readonly number[] => inputs.map((input) => g.size(input, axis));
    let parts: readonly string[] | undefined;
    return inputs.map((_, index) => () => {
      const dy = fullAlong(context, [axis]);
      if (needs.every(Boolean)) {
        parts ??= g.split(dy, sizes(), axis);
        return parts[index] ?? "";
      }
      const start = sizes()
        .slice(0, index)
        .reduce((a, b) => a + b, 0);
      return g.slice(dy, [start], [start + (sizes()[index] ?? 0)], [axis]);
    });
  },
  // Zeros stand for outputs that nothing reads.
  Split: unary(({ g, node, x, outputs, cotangents, full }) => {
    const axis = axisAttribute(g, node, x, 0);
    const sizes = outputs.map((output) => (output === "" ? undefined : g.size(output, axis)));
    const received = cotangents.flatMap((dy, index) => (dy === undefined ? [] : [{ dy, index }]));
    const only = received[0];
    if (received.length === 1 && only !== undefined) {
      const before = sizes.slice(0, only.index);
      if (before.includes(undefined)) throw unsupported(node, "outputs without a name");
      const begin = before.reduce<number>((a, b) => a + (b ?? 0), 0);
      const end = g.size(x, axis) - begin - (sizes[only.index] ?? 0);
      return cropAxes(g, full(only.dy, only.index), [-begin], [-end], [axis]);
    }
    const parts = outputs.map((output, index) => {
      const dy = cotangents[index];
      if (output === "") throw unsupported(node, "outputs without a name");
      return dy === undefined ? g.filledLike(output) : full(dy, index);
    });
    return g.concat(parts, axis);
  }),
  Pad: (context) => [() => padVjp(context), undefined, refuse(context.node, "its fill value")],
};
