import { extentOf, type Extent } from "../image/extent.ts";
import {
  intAttribute,
  intsAttribute,
  stringAttribute,
  type Graph,
  type GraphNode,
  type Shape,
} from "../graph/graph.ts";
import {
  axisSize,
  coarsened,
  factor,
  isComplete,
  joined,
  reshapedAxes,
  resizedAxis,
  wholeAxis,
  type Axes,
  type Axis,
} from "./axis-digits.ts";

/**
 * What an axis of a value means for the image. `grid` is height and width (of a volume also depth) in one axis, row-major,
 * after `prefix` tokens that stand for no place (class, register and distillation tokens).
 */
export type AxisRole =
  | { readonly kind: "batch" }
  | { readonly kind: "channel" }
  | { readonly kind: "depth" }
  | { readonly kind: "height" }
  | { readonly kind: "width" }
  /** The only axis of a signal. */
  | { readonly kind: "time" }
  | ({ readonly kind: "grid"; readonly prefix: number } & Extent)
  | { readonly kind: "other" };

export type AxisRoles = readonly AxisRole[];

/** What is known of values besides their axes. */
interface Facts {
  readonly dims: (value: string) => Shape | undefined;
  readonly constantValue: (value: string) => readonly number[] | undefined;
}

/** What a rule is given: the axes and shapes of the inputs (`undefined`: not known) and the shape of the output. */
interface Step {
  readonly node: GraphNode;
  readonly axes: readonly (Axes | undefined)[];
  readonly shapes: readonly (Shape | undefined)[];
  readonly to: Shape;
  readonly constant: (input: number) => readonly number[] | undefined;
}

type Rule = (step: Step) => Axes | undefined;

/**
 * Follows height and width of the image through the graph, by what each operator does to axes and not by names. Values
 * whose axes cannot be followed are absent until an addition with a value that can be followed tells what they are.
 */
export function followAxes(
  graph: Graph,
  image: string,
  roles: AxisRoles,
  facts: Facts,
): ReadonlyMap<string, AxisRoles> {
  const shape = facts.dims(image);
  const start = shape === undefined ? [] : roles.map(({ kind }, axis) => imageAxis(kind, shape[axis] ?? 1));
  const found = new Map<string, Axes>([[image, start]]);
  for (const node of graph.nodes) {
    const axes = node.inputs.map((input) => found.get(input));
    if (!axes.some((entry) => entry !== undefined)) continue;
    const to = facts.dims(node.outputs[0] ?? "");
    if (to === undefined) continue;
    const result = (rules[node.opType] ?? elementwise)({
      node,
      axes,
      shapes: node.inputs.map(facts.dims),
      to,
      constant: (input) => facts.constantValue(node.inputs[input] ?? ""),
    });
    if (result === undefined || result.length !== to.length) continue;
    for (const name of node.outputs) {
      const dims = facts.dims(name);
      if (dims?.length === result.length)
        found.set(
          name,
          result.map((axis, index) => resizedAxis(axis, dims[index] ?? 1)),
        );
    }
  }
  return new Map([
    [image, roles],
    ...[...found].slice(1).map(([name, axes]) => [name, axes.map(roleOf)] as const),
  ]);
}

function imageAxis(kind: AxisRole["kind"], dim: number | string): Axis {
  return wholeAxis(kind === "grid" ? "other" : kind, dim);
}

/** True if the roles tell where on the image each element lies. */
export function isPlaced(roles: AxisRoles | undefined): boolean {
  if (roles === undefined) return false;
  const kinds = roles.map((role) => role.kind);
  return (
    kinds.includes("grid") || kinds.includes("time") || (kinds.includes("height") && kinds.includes("width"))
  );
}

function roleOf({ digits, prefix, suffix }: Axis): AxisRole {
  const parts = joined(digits);
  if (!parts.every(isComplete)) return { kind: "other" };
  const [depth, height, width] = parts.length === 3 ? parts : [undefined, ...parts];
  if (height?.of === "height" && width?.of === "width" && (depth === undefined || depth.of === "depth")) {
    const size = { depth: depth?.size, height: height.size, width: width.size };
    return { kind: "grid", prefix, ...extentOf(size) };
  }
  // A single place beside others says nothing: channels that were squeezed out of a grid of one place.
  const [first, ...more] = parts.length > 1 ? parts.filter(({ size }) => size > 1) : parts;
  if (first === undefined || more.length > 0) return { kind: "other" };
  return prefix + suffix > 0 ? { kind: "other" } : { kind: first.of };
}

const isWholeGrid = (axis: Axis | undefined): axis is Axis =>
  axis !== undefined && roleOf(axis).kind === "grid";

/** Everything that keeps a shape keeps its meaning; an addition of known and unknown takes the known. */
const elementwise: Rule = ({ axes, shapes, to }) => {
  const candidates = axes.filter(
    (entry, index) =>
      entry !== undefined &&
      shapes[index]?.length === to.length &&
      shapes[index].every((dim, axis) => dim === to[axis]),
  );
  return candidates.find((entry) => isPlaced(entry?.map(roleOf))) ?? candidates[0];
};

/** Convolution and pooling: rows and columns keep their meaning at another size, channels are new. */
const window: Rule = ({ node, axes: [input], to }) => {
  if (input === undefined) return undefined;
  const isChannelsLast =
    node.opType === "NhwcConv" || stringAttribute(node, "data_layout", "NCHW") === "NHWC";
  const channel = isChannelsLast ? to.length - 1 : 1;
  const places = coarsened(input.with(channel, wholeAxis("channel", to[channel] ?? 1)));
  return to.map((dim, axis) =>
    axis === channel ? wholeAxis("channel", dim) : resizedAxis(places[axis] ?? wholeAxis("other", dim), dim),
  );
};

const reshape: Rule = ({ axes: [input], to }) => input && reshapedAxes(input, to);

/** Axes of which some have another size: crops, padding, upsampling. A changed axis of tokens is no grid any more. */
const resize: Rule = ({ axes: [input], to }) =>
  input?.map((axis, index) => resizedAxis(axis, to[index] ?? 1));

/** Rows are of the first operand, columns of the second (features, if it is a weight). */
const matMul: Rule = ({ node, axes: [a, b], to }) => {
  const lead = a?.length === to.length ? a : b?.length === to.length ? b : undefined;
  if (lead === undefined) return undefined;
  const row = a?.at(intAttribute(node, "transA", 0) === 1 ? -1 : -2);
  const column = b?.at(intAttribute(node, "transB", 0) === 1 ? -2 : -1);
  return coarsened([
    ...lead.slice(0, -2),
    row ?? wholeAxis("other", to.at(-2) ?? 1),
    column ?? wholeAxis(a === undefined ? "other" : "channel", to.at(-1) ?? 1),
  ]);
};

const einsum: Rule = ({ node, axes, to }) => {
  const [left = "", right] = stringAttribute(node, "equation", "").replaceAll(/\s/g, "").split("->");
  if (right === undefined || right.includes(".")) return undefined;
  const terms = left.split(",");
  return Array.from(right, (label, position) => {
    const options = terms.flatMap((term, index) => axes[index]?.[term.indexOf(label)] ?? []);
    return options[0] ?? wholeAxis("channel", to[position] ?? 1);
  });
};

const transpose: Rule = ({ node, axes: [input], to }) => {
  const perm = intsAttribute(node, "perm") ?? to.map((_, axis) => to.length - 1 - axis);
  return input && perm.map((axis, index) => input[axis] ?? wholeAxis("other", to[index] ?? 1));
};

/** Tokens joined to a grid become its prefix or suffix; joined rows are rows. */
const concat: Rule = ({ node, axes, shapes, to }) => {
  const rawAxis = intAttribute(node, "axis", 0);
  const axis = rawAxis < 0 ? rawAxis + to.length : rawAxis;
  const index = axes.findIndex((entry) => isPlaced(entry?.map(roleOf)));
  const input = axes[index] ?? axes.find((entry) => entry !== undefined);
  const along = input?.[axis];
  if (input === undefined || along === undefined) return undefined;
  if (!isWholeGrid(along)) return input.with(axis, resizedAxis(along, to[axis] ?? 1));
  if (axes.filter((entry) => isWholeGrid(entry?.[axis])).length > 1) {
    return input.with(axis, wholeAxis("other", to[axis] ?? 1));
  }
  let before = 0;
  let after = 0;
  for (const [position, shape] of shapes.entries()) {
    const size = shape?.[axis];
    if (typeof size !== "number") return undefined;
    if (position < index) before += size;
    else if (position > index) after += size;
  }
  return input.with(axis, { ...along, prefix: along.prefix + before, suffix: along.suffix + after });
};

const slice: Rule = ({ axes: [input], shapes: [from], to, constant }) => {
  if (input === undefined || from === undefined) return undefined;
  const starts = constant(1);
  const sliced = constant(3) ?? starts?.map((_, axis) => axis);
  const steps = constant(4);
  return input.map((axis, index) => {
    const dim = to[index] ?? 1;
    if (from[index] === dim) return axis;
    const size = axisSize(axis);
    const position = sliced?.findIndex((entry) => (entry < 0 ? entry + input.length : entry) === index) ?? -1;
    const raw = starts?.[position];
    if (!isWholeGrid(axis) || raw === undefined || (steps?.[position] ?? 1) !== 1) {
      return isWholeGrid(axis) ? wholeAxis("other", dim) : resizedAxis(axis, dim);
    }
    const start = raw < 0 ? raw + size : raw;
    const end = start + factor(dim);
    // The grid must survive whole; otherwise this picked tokens.
    return start <= axis.prefix && end >= size - axis.suffix
      ? { ...axis, prefix: axis.prefix - start, suffix: axis.suffix - (size - end) }
      : wholeAxis("other", dim);
  });
};

/** Picking along an axis; a list of as many rows as there are is a roll. */
const gather: Rule = ({ node, axes: [input], shapes: [, indices], to }) => {
  const raw = intAttribute(node, "axis", 0);
  if (input === undefined || indices === undefined) return undefined;
  const at = raw < 0 ? raw + input.length : raw;
  const axis = input[at];
  const middle = indices.map((dim) =>
    indices.length === 1 && axis !== undefined && axisSize(axis) === factor(dim) && !isWholeGrid(axis)
      ? axis
      : wholeAxis("other", dim),
  );
  const result = [...input.slice(0, at), ...middle, ...input.slice(at + 1)];
  return result.length === to.length ? result : undefined;
};

const rules: Readonly<Record<string, Rule>> = {
  Conv: window,
  ConvTranspose: window,
  FusedConv: window,
  QLinearConv: window,
  ConvInteger: window,
  NhwcConv: window,
  NhwcFusedConv: window,
  MaxPool: window,
  AveragePool: window,
  LpPool: window,
  QLinearAveragePool: window,
  SpaceToDepth: window,
  DepthToSpace: window,
  Reshape: reshape,
  Flatten: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Resize: resize,
  Upsample: resize,
  Pad: resize,
  Split: resize,
  MatMul: matMul,
  FusedMatMul: matMul,
  MatMulInteger: matMul,
  QLinearMatMul: ({ axes, ...step }) => matMul({ ...step, axes: [axes[0], axes[3]] }),
  MatMulNBits: ({ axes, ...step }) => matMul({ ...step, axes: [axes[0], undefined] }),
  Gemm: matMul,
  FusedGemm: matMul,
  Einsum: einsum,
  Transpose: transpose,
  Concat: concat,
  Slice: slice,
  Gather: gather,
};
