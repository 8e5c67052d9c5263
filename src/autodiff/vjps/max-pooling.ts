import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { intAttribute, type Shape } from "../../graph/graph.ts";
import { isFloat } from "../differentiable-outputs.ts";
import type { VjpContext } from "../rules.ts";
import { cropAxes, dimProduct, range, unsupported } from "./axes.ts";
import { widened } from "./precision.ts";
import { isCeilMode, poolingWindows, windowAxes, type WindowAxis } from "./windows.ts";

/** The positions of the maxima, counted over the whole tensor: an output that the forward node is made to give. */
function maximumIndices({ g, node, y }: VjpContext): string {
  const current = g.allNodes.find((candidate) => candidate.outputs[0] === y) ?? node;
  const isColumnMajor = intAttribute(current, "storage_order", 0) === 1;
  const existing = current.outputs[1] ?? "";
  if (existing !== "") {
    if (isColumnMajor) throw unsupported(node, "column-major indices that are an output already");
    return existing;
  }
  const indices = g.uniqueName(`${y}/indices`);
  const attributes = isColumnMajor
    ? { ...current.attributes, storage_order: { kind: "int", value: 0 } as const }
    : current.attributes;
  g.replaceNode(current, { ...current, outputs: [y, indices], attributes });
  return indices;
}

/**
 * The cotangent goes to the first maximum of each window in row-major order, as in PyTorch. Windows that do not overlap
 * are undone by MaxUnpool; it infers a larger output than ours in ceil_mode, and exists in float32 only. All others are
 * scattered.
 */
export function maxPoolVjp(context: VjpContext): string {
  const { g, node, x, y, dy, full } = context;
  const windows = poolingWindows(g, node, x, y);
  const indices = maximumIndices(context);
  const isApart = windowAxes(windows).every(
    ({ kernel, stride, dilation }) => kernel <= stride && dilation === 1,
  );
  if (isApart && !isCeilMode(context) && g.type(x) === "float32") {
    const { kernel, strides, begins, ends } = windows;
    const dims = g.dims(x);
    const target = dims.every((dim) => typeof dim === "number") ? g.ints(dims) : g.unary("Shape", x);
    return g.node("MaxUnpool", [full(dy), indices, target], {
      kernel_shape: kernel,
      strides,
      pads: [...begins, ...ends],
    });
  }
  const flat = (value: string): string => g.reshape(value, [dimProduct(g.dims(value))]);
  // Integers that stand for real numbers have a cotangent in floating point.
  const float = isFloat(g.type(x)) ? x : g.cast(x, "float32");
  const values = [widened(g, g.filledLike(float)), indices, widened(g, full(dy))];
  const scattered = g.node("ScatterElements", values.map(flat), { axis: 0, reduction: "add" });
  return g.cast(g.reshape(scattered, g.dims(x), x), g.type(float));
}

/** One element of the window: where it lies in the padded image. */
type Tap = readonly number[];

function windowTaps(axes: readonly WindowAxis[]): readonly Tap[] {
  return axes.reduce<readonly Tap[]>(
    (taps, { kernel, dilation }) =>
      taps.flatMap((tap) => range(kernel).map((index) => [...tap, index * dilation])),
    [[]],
  );
}

/**
 * The rule of MaxPool without indices, for backends that do not return them (WebGPU): pass it as the override of
 * `MaxPool`. Every element of the window is compared with the maximum in row-major order, and the first that equals it
 * takes the cotangent. The elements of one phase (offset modulo stride) are summed at their shift and the phases are
 * interleaved. Exact, ties included; twice the time of the scatter on a CPU.
 */
export function maxPoolUnrolled({ g, node, x, y, dy, full }: VjpContext): string {
  const axes = windowAxes(poolingWindows(g, node, x, y));
  const spatial = range(axes.length, 2);
  const padded = padBelow(g, x, axes);
  const cotangent = full(dy);
  const shiftsOf = (tap: Tap): readonly number[] =>
    tap.map((offset, axis) => Math.floor(offset / (axes[axis]?.stride ?? 1)));
  const taps = windowTaps(axes);
  const largest = axes.map((_, axis) => Math.max(...taps.map((tap) => shiftsOf(tap)[axis] ?? 0)));

  const phases = new Map<string, string>();
  let taken: string | undefined;
  for (const tap of taps) {
    const element = g.slice(
      padded,
      tap,
      tap.map((offset, axis) => offset + (axes[axis]?.stride ?? 1) * ((axes[axis]?.count ?? 1) - 1) + 1),
      spatial,
      axes.map(({ stride }) => stride),
    );
    const isMaximum = g.equal(element, y);
    const isFirst: string =
      taken === undefined ? isMaximum : g.node("And", [isMaximum, g.unary("Not", taken)]);
    taken = taken === undefined ? isMaximum : g.node("Or", [taken, isMaximum]);
    const shifts = shiftsOf(tap);
    const part = cropAxes(
      g,
      g.where(isFirst, cotangent, 0),
      shifts.map((shift) => -shift),
      shifts.map((shift, axis) => shift - (largest[axis] ?? 0)),
      spatial,
    );
    const key = tap.map((offset, axis) => offset % (axes[axis]?.stride ?? 1)).join();
    const sum = phases.get(key);
    phases.set(key, sum === undefined ? part : g.add(sum, part));
  }
  const whole = interleave(g, phases, axes);
  return cropAxes(
    g,
    whole,
    axes.map(({ begin }) => begin),
    axes.map(({ begin, size }, axis) => g.size(whole, axis + 2) - begin - size),
    spatial,
  );
}

/** Pads with a value below all others so that every window lies inside. (-FLT_MAX itself is refused by Dawn.) */
function padBelow(g: GraphBuilder, x: string, axes: readonly WindowAxis[]): string {
  const needed = axes.map(({ stride, count, extent, begin, size }) =>
    Math.max(stride * (count - 1) + extent + 1 - begin - size, 0),
  );
  const pads = [0, 0, ...axes.map(({ begin }) => begin), 0, 0, ...needed];
  return g.pad(x, pads, g.type(x) === "float16" ? -6e4 : -3e38);
}

/** Puts the phases, keyed by their offset in the stride, at their places: `[.., s h + r, ..]` from phase r. */
function interleave(
  g: GraphBuilder,
  phases: ReadonlyMap<string, string>,
  axes: readonly WindowAxis[],
): string {
  const strides = axes.map(({ stride }) => stride);
  const [plane = ""] = phases.values();
  if (strides.every((stride) => stride === 1)) return plane;
  const offsets = strides.reduce<readonly (readonly number[])[]>(
    (list, stride) => list.flatMap((offset) => range(stride).map((index) => [...offset, index])),
    [[]],
  );
  const planes = offsets.map((offset) => phases.get(offset.join()) ?? g.filledLike(plane));
  const [n = 1, channels = 1, ...sizes] = g.dims(plane);
  const split: Shape = [n, ...strides, channels, ...sizes];
  const count = strides.length;
  const perm = [0, count + 1, ...range(count).flatMap((axis) => [count + 2 + axis, axis + 1])];
  const merged = sizes.map((size, axis) => Number(size) * (strides[axis] ?? 1));
  return g.reshape(g.transpose(g.reshape(g.concat(planes, 1), split), perm), [n, channels, ...merged]);
}
