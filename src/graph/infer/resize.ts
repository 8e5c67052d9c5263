import { axisOf, knownValue, type InferContext, type InferRule, type InferTable } from "./context.ts";

/** What a Resize or Upsample does to every axis. `scales` are those that the coordinate rule uses. */
interface ResizePlan {
  readonly sizes: readonly number[];
  readonly scales: readonly number[];
}

/** Places values given for some axes among all of them. */
function onAxes(
  c: InferContext,
  rank: number,
  values: readonly number[],
  rest: (axis: number) => number,
): readonly number[] {
  const axes = c.ints("axes");
  if (axes === undefined) {
    if (values.length !== rank) c.fail(`${values.length} scales or sizes for a value of ${rank} dimensions.`);
    return values;
  }
  const result = Array.from({ length: rank }, (_, axis) => rest(axis));
  axes.forEach((axis, i) => {
    result[axisOf(c, axis, rank)] = values[i] ?? 1;
  });
  return result;
}

/**
 * Output sizes and scales of Upsample-7 (attribute), Upsample-9 and Resize-10 (second input) and Resize-11 and newer
 * (roi, scales, sizes), with `axes`, `keep_aspect_ratio_policy` and the crop of `tf_crop_and_resize`.
 */
function resizePlan(c: InferContext): ResizePlan {
  const { dims } = c.input(0);
  const rank = dims.length;
  const attribute = c.node.attributes["scales"];
  const isOld = c.node.opType === "Upsample" || c.opset <= 10;
  const scalesAt = isOld ? 1 : 2;
  const scalesInput = c.optional(scalesAt);
  const isEmpty = scalesInput === undefined || scalesInput.dims[0] === 0;
  if (attribute?.kind === "floats" || !isEmpty) {
    const given = attribute?.kind === "floats" ? attribute.value : c.elements(scalesAt, "the scales");
    const scales = onAxes(c, rank, given, () => 1);
    const extent = extents(c, rank);
    // The product is a float32 one, as in ONNX Runtime: 0.6 * 5 is 3 there.
    const sizes = dims.map((dim, axis) =>
      Math.floor(Math.fround(Math.fround(dim * (extent[axis] ?? 1)) * Math.fround(scales[axis] ?? 1))),
    );
    return { sizes, scales };
  }
  if (isOld || c.optional(3) === undefined) return c.fail("neither scales nor sizes.");
  const sizes = onAxes(c, rank, c.elements(3, "the sizes"), (axis) => dims[axis] ?? 1);
  return keepAspect(c, dims, sizes);
}

function extents(c: InferContext, rank: number): readonly number[] {
  if (c.text("coordinate_transformation_mode", "half_pixel") !== "tf_crop_and_resize") return [];
  const roi = c.elements(1, "the region");
  const half = roi.length / 2;
  return onAxes(
    c,
    rank,
    Array.from({ length: half }, (_, i) => (roi[half + i] ?? 1) - (roi[i] ?? 0)),
    () => 1,
  );
}

function keepAspect(c: InferContext, dims: readonly number[], sizes: readonly number[]): ResizePlan {
  const scales = sizes.map((size, axis) => size / (dims[axis] ?? 1));
  const policy = c.text("keep_aspect_ratio_policy", "stretch");
  if (policy === "stretch") return { sizes, scales };
  const axes = (c.ints("axes") ?? dims.map((_, axis) => axis)).map((axis) => axisOf(c, axis, dims.length));
  const candidates = axes.map((axis) => scales[axis] ?? 1);
  const common = policy === "not_larger" ? Math.min(...candidates) : Math.max(...candidates);
  return {
    scales: scales.map((scale, axis) => (axes.includes(axis) ? common : scale)),
    sizes: sizes.map((size, axis) =>
      axes.includes(axis) ? Math.floor(common * (dims[axis] ?? 1) + 0.5) : size,
    ),
  };
}

const resize: InferRule = (c) => [knownValue(c, c.input(0).type, resizePlan(c).sizes)];

const gridSample: InferRule = (c) => {
  const x = c.input(0);
  return [knownValue(c, x.type, [...x.dims.slice(0, 2), ...c.input(1).dims.slice(1, -1)])];
};

const centerCropPad: InferRule = (c) => {
  const x = c.input(0);
  const target = c.elements(1, "the shape");
  const axes = c.ints("axes")?.map((axis) => axisOf(c, axis, x.dims.length));
  return [
    knownValue(
      c,
      x.type,
      x.dims.map((dim, axis) => (axes === undefined ? target[axis] : target[axes.indexOf(axis)]) ?? dim),
    ),
  ];
};

const affineGrid: InferRule = (c) => {
  const [n = 0, , ...spatial] = c.elements(1, "the size");
  return [knownValue(c, c.input(0).type, [n, ...spatial, spatial.length])];
};

/** Resampling. */
export const resizeRules: InferTable = {
  Resize: resize,
  Upsample: resize,
  GridSample: gridSample,
  CenterCropPad: centerCropPad,
  AffineGrid: affineGrid,
};
