import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from "../../graph/graph.ts";
import type { PlainAttributes } from "../../graph/graph-builder.ts";
import { unary, type VjpContext, type VjpTable } from "../rules.ts";
import { contractAxis, identityMatrix } from "./axis-matrix.ts";
import { fullAlong, positiveAxis, range, unsupported } from "./axes.ts";

/** How one axis is resized. `scale` is set where the node gives scales; else the sizes decide. */
interface ResizedAxis {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
  readonly scale: number | undefined;
  /** Start and end of the region of `tf_crop_and_resize`. */
  readonly region: readonly [number, number];
}

function resizedAxes({ g, node, x, y, inputs }: VjpContext): readonly ResizedAxis[] {
  const rank = g.rank(x);
  const axes = intsAttribute(node, "axes")?.map((axis) => positiveAxis(axis, rank)) ?? range(rank);
  // Upsample and the first Resize have scales as their second input.
  const isOld = node.opType === "Upsample" || inputs.length === 2;
  const scales = g.constantValue(inputs[isOld ? 1 : 2] ?? "") ?? [];
  const roi = isOld ? undefined : g.constantValue(inputs[1] ?? "");
  const isCrop =
    stringAttribute(node, "coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize";
  if (isCrop && roi === undefined) throw unsupported(node, "a region computed from the image");
  return axes.flatMap((axis, index) => {
    const region = [roi?.[index] ?? 0, roi?.[index + axes.length] ?? 1] as const;
    const isWhole = !isCrop || (region[0] === 0 && region[1] === 1);
    if (g.dim(x, axis) === g.dim(y, axis) && (scales[index] ?? 1) === 1 && isWhole) return [];
    return [{ axis, before: g.size(x, axis), after: g.size(y, axis), scale: scales[index], region }];
  });
}

/** Modes in which an integer scale repeats each pixel: pixel `i` of the output is pixel `floor(i / scale)`. */
const repeatingModes: Readonly<Record<string, readonly string[]>> = {
  asymmetric: ["floor"],
  half_pixel: ["round_prefer_floor", "round_prefer_ceil"],
  pytorch_half_pixel: ["round_prefer_floor", "round_prefer_ceil"],
  half_pixel_symmetric: ["round_prefer_floor", "round_prefer_ceil"],
  tf_half_pixel_for_nn: ["floor"],
};

/** The integer by which a nearest Resize repeats pixels of each spatial axis, if that is all it does. */
function repetitions(context: VjpContext, resized: readonly ResizedAxis[]): readonly number[] | undefined {
  const { g, node, x } = context;
  const isUpsample = node.opType === "Upsample";
  const transform = stringAttribute(
    node,
    "coordinate_transformation_mode",
    isUpsample ? "asymmetric" : "half_pixel",
  );
  const rounding = stringAttribute(node, "nearest_mode", isUpsample ? "floor" : "round_prefer_floor");
  const isNearest = stringAttribute(node, "mode", "nearest") === "nearest";
  if (!isNearest || repeatingModes[transform]?.includes(rounding) !== true) return undefined;
  const rank = g.rank(x);
  if (rank < 3 || rank > 5 || resized.some(({ axis }) => axis < 2)) return undefined;
  const factors = range(rank - 2).map(() => 1);
  for (const { axis, before, after, scale } of resized) {
    const factor = after / before;
    if (!Number.isInteger(factor) || (scale !== undefined && scale !== factor)) return undefined;
    factors[axis - 2] = factor;
  }
  return factors;
}

/**
 * The matrix `[after, before]` of a Resize along one axis: the same Resize of the identity, so that the runtime's own
 * coordinates, rounding, borders and antialiasing are in it.
 */
function resizeMatrix({ g, node }: VjpContext, resized: ResizedAxis): string {
  const { before, after, scale, region } = resized;
  const identity = g.reshape(identityMatrix(g, before), [1, 1, before, before]);
  const isUpsample = node.opType === "Upsample";
  const transform = stringAttribute(
    node,
    "coordinate_transformation_mode",
    isUpsample ? "asymmetric" : "half_pixel",
  );
  const attributes: Record<string, PlainAttributes[string]> = {
    mode: stringAttribute(node, "mode", "nearest"),
    coordinate_transformation_mode: transform,
    nearest_mode: stringAttribute(node, "nearest_mode", isUpsample ? "floor" : "round_prefer_floor"),
    cubic_coeff_a: { float: floatAttribute(node, "cubic_coeff_a", -0.75) },
    exclude_outside: intAttribute(node, "exclude_outside", 0),
    // What lies outside of the image is a constant: no cotangent.
    extrapolation_value: { float: 0 },
  };
  if (g.opset >= 18) attributes["antialias"] = intAttribute(node, "antialias", 0);
  const regionInput =
    transform === "tf_crop_and_resize" ? g.floats([0, 0, region[0], 0, 1, 1, region[1], 1], [8]) : "";
  const inputs =
    scale === undefined
      ? [identity, regionInput, "", g.ints([1, 1, after, before])]
      : [identity, regionInput, g.floats([1, 1, scale, 1], [4])];
  return g.reshape(g.node("Resize", inputs, attributes), [after, before]);
}

function resizeVjp(context: VjpContext): string {
  const { g, node } = context;
  const resized = resizedAxes(context);
  if (resized.length === 0) return context.dy;
  const factors = repetitions(context, resized);
  const dy = fullAlong(
    context,
    resized.map(({ axis }) => axis),
  );
  if (factors !== undefined) {
    const count = factors.reduce((a, b) => a * b, 1);
    return g.mul(g.node("AveragePool", [dy], { kernel_shape: factors, strides: factors }), count);
  }
  const policy = stringAttribute(node, "keep_aspect_ratio_policy", "stretch");
  if (policy !== "stretch" && resized.some(({ scale }) => scale === undefined))
    throw unsupported(node, `keep_aspect_ratio_policy '${policy}'`);
  // The last axis first: it is the one that a product of matrices takes as it lies.
  return resized.toReversed().reduce((value, axis) => {
    return contractAxis(g, value, resizeMatrix(context, axis), axis.axis);
  }, dy);
}

export const resizeVjps: VjpTable = {
  Resize: unary(resizeVjp),
  Upsample: unary(resizeVjp),
};
