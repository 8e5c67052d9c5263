import { UnsupportedOpError } from "../../errors.ts";
import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { intAttribute, intsAttribute, stringAttribute, type GraphNode } from "../../graph/graph.ts";
import type { VjpContext, VjpTable } from "../rules.ts";

/** The geometry of a convolution with every default written out; one entry a spatial axis. */
export interface ConvolutionGeometry {
  readonly group: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begins: readonly number[];
  readonly ends: readonly number[];
}

/** Reads strides, dilations and pads of a pooling or convolution node; resolves auto_pad from the sizes. */
export function windowGeometry(
  node: GraphNode,
  kernel: readonly number[],
  sizes: readonly number[],
): Omit<ConvolutionGeometry, "group"> {
  const axes = kernel.map((_, axis) => axis);
  const strides = axes.map((axis) => intsAttribute(node, "strides")?.[axis] ?? 1);
  const dilations = axes.map((axis) => intsAttribute(node, "dilations")?.[axis] ?? 1);
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  const pads = intsAttribute(node, "pads");
  if (autoPad !== "SAME_UPPER" && autoPad !== "SAME_LOWER") {
    const explicit = autoPad === "VALID" ? undefined : pads;
    return {
      kernel,
      strides,
      dilations,
      begins: axes.map((axis) => explicit?.[axis] ?? 0),
      ends: axes.map((axis) => explicit?.[axis + axes.length] ?? 0),
    };
  }
  const totals = axes.map((axis) => {
    const [size = 1, stride = 1, dilation = 1, k = 1] = [
      sizes[axis],
      strides[axis],
      dilations[axis],
      kernel[axis],
    ];
    return Math.max((Math.ceil(size / stride) - 1) * stride + dilation * (k - 1) + 1 - size, 0);
  });
  const smaller = totals.map((total) => Math.floor(total / 2));
  const larger = totals.map((total) => Math.ceil(total / 2));
  return autoPad === "SAME_UPPER"
    ? { kernel, strides, dilations, begins: smaller, ends: larger }
    : { kernel, strides, dilations, begins: larger, ends: smaller };
}

function spatialSizes(g: GraphBuilder, value: string): readonly number[] {
  return Array.from({ length: g.rank(value) - 2 }, (_, axis) => g.size(value, axis + 2));
}

/** Geometry of a Conv node from its input and weight. */
export function convolutionGeometry(
  g: GraphBuilder,
  node: GraphNode,
  x: string,
  weight: string,
): ConvolutionGeometry {
  const kernel = spatialSizes(g, weight);
  return { group: intAttribute(node, "group", 1), ...windowGeometry(node, kernel, spatialSizes(g, x)) };
}

/** Convolution attributes in ONNX form. */
export function convolutionAttributes(
  geometry: ConvolutionGeometry,
): Record<string, number | readonly number[]> {
  const { group, kernel, strides, dilations, begins, ends } = geometry;
  return { group, kernel_shape: kernel, strides, dilations, pads: [...begins, ...ends] };
}

/** Pads the spatial axes (negative entries crop). */
function padSpatial(g: GraphBuilder, x: string, begins: readonly number[], ends: readonly number[]): string {
  return g.pad(x, [0, 0, ...begins, 0, 0, ...ends]);
}

/**
 * The weight of the backward convolution: channels swapped inside each group, kernel flipped.
 * `[M, C/g, k...]` becomes `[C, M/g, k...]`. ONNX Runtime folds these nodes when it loads the model.
 */
function flippedWeight(g: GraphBuilder, weight: string, geometry: ConvolutionGeometry): string {
  const { group, kernel } = geometry;
  const spatial = kernel.map((_, axis) => axis);
  const outputs = g.size(weight, 0) / group;
  const inputs = g.size(weight, 1);
  let value = weight;
  if (group === 1) {
    value = g.transpose(value, [1, 0, ...spatial.map((axis) => axis + 2)]);
  } else if (outputs !== 1 || inputs !== 1) {
    value = g.reshape(value, [group, outputs, inputs, ...kernel]);
    value = g.transpose(value, [0, 2, 1, ...spatial.map((axis) => axis + 3)]);
    value = g.reshape(value, [group * inputs, outputs, ...kernel]);
  }
  const flipped = spatial.filter((axis) => (kernel[axis] ?? 1) > 1);
  if (flipped.length === 0) return value;
  return g.slice(
    value,
    flipped.map(() => -1),
    flipped.map(() => -2147483648),
    flipped.map((axis) => axis + 2),
    flipped.map(() => -1),
  );
}

/**
 * Cotangent of a convolution's input. Stride 1: a convolution with the flipped kernel, which ONNX Runtime computes in its
 * blocked layout (up to 3.5 times faster than ConvTranspose). Larger strides, or fewer than 8 channels to produce (the
 * image), ConvTranspose: the flipped form would waste the block.
 */
export function convolutionInputVjp(
  g: GraphBuilder,
  dy: string,
  weight: string,
  geometry: ConvolutionGeometry,
  x: string,
): string {
  const { kernel, strides, dilations, begins, ends } = geometry;
  const extents = kernel.map((k, axis) => (dilations[axis] ?? 1) * (k - 1));
  const channels = g.size(x, 1);
  if (strides.every((stride) => stride === 1) && channels >= 8) {
    const newBegins = extents.map((extent, axis) => extent - (begins[axis] ?? 0));
    const newEnds = extents.map((extent, axis) => extent - (ends[axis] ?? 0));
    // A pad wider than the kernel reaches means outputs that no pixel touches: crop them.
    const cropped = padSpatial(
      g,
      dy,
      newBegins.map((pad) => Math.min(pad, 0)),
      newEnds.map((pad) => Math.min(pad, 0)),
    );
    return g.node(
      "Conv",
      [cropped, flippedWeight(g, weight, geometry)],
      convolutionAttributes({
        ...geometry,
        strides: kernel.map(() => 1),
        begins: newBegins.map((pad) => Math.max(pad, 0)),
        ends: newEnds.map((pad) => Math.max(pad, 0)),
      }),
    );
  }
  const outputPadding = kernel.map((_, axis) => {
    const [stride = 1, extent = 0, begin = 0, end = 0] = [
      strides[axis],
      extents[axis],
      begins[axis],
      ends[axis],
    ];
    return g.size(x, axis + 2) - (stride * (g.size(dy, axis + 2) - 1) + extent + 1 - begin - end);
  });
  return g.node("ConvTranspose", [dy, weight], {
    ...convolutionAttributes(geometry),
    output_padding: outputPadding,
  });
}

/**
 * Cotangent of a convolution's weight, `<cotangent, Conv(image, weight)>` differentiated by the weight (group 1): images
 * become channels, the cotangent the kernel.
 */
function convolutionWeightVjp(
  { g, node, inputs }: Pick<VjpContext, "g" | "node" | "inputs">,
  image: string,
  cotangent: string,
  geometry: ConvolutionGeometry,
): string {
  if (geometry.group !== 1) {
    throw new UnsupportedOpError(
      `${node.opType} at node '${node.name}': no gradient rule for the weight of a grouped convolution.`,
    );
  }
  const spatial = geometry.kernel.map((_, axis) => axis + 2);
  const swap = [1, 0, ...spatial];
  const sizes = spatial.map((axis) => g.size(cotangent, axis));
  const full = g.node(
    "Conv",
    [g.transpose(image, swap), g.transpose(cotangent, swap)],
    convolutionAttributes({
      ...geometry,
      kernel: sizes,
      strides: geometry.dilations,
      dilations: geometry.strides,
    }),
  );
  // The floor in the output size leaves a remainder that no output used.
  const cropped = g.slice(
    full,
    spatial.map(() => 0),
    [...geometry.kernel],
    spatial,
  );
  return g.reshape(g.transpose(cropped, swap), g.dims(inputs[1] ?? ""));
}

function biasVjp(g: GraphBuilder, dy: string): string {
  const axes = Array.from({ length: g.rank(dy) }, (_, axis) => axis).filter((axis) => axis !== 1);
  return g.reduce("ReduceSum", dy, axes, false);
}

/** ConvTranspose's pads, from output_shape or auto_pad where they are not given. */
function transposeGeometry(
  g: GraphBuilder,
  node: GraphNode,
  x: string,
  y: string,
  weight: string,
): ConvolutionGeometry {
  const kernel = spatialSizes(g, weight);
  const group = intAttribute(node, "group", 1);
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  const isExplicit =
    intsAttribute(node, "output_shape") === undefined && autoPad !== "SAME_UPPER" && autoPad !== "SAME_LOWER";
  const geometry = {
    group,
    ...windowGeometry(
      {
        ...node,
        attributes: {
          ...node.attributes,
          auto_pad: { kind: "string", value: autoPad === "VALID" ? "VALID" : "NOTSET" },
        },
      },
      kernel,
      spatialSizes(g, x),
    ),
  };
  if (isExplicit) return geometry;
  const outputPadding = intsAttribute(node, "output_padding");
  const totals = kernel.map((k, axis) => {
    const [stride = 1, dilation = 1] = [geometry.strides[axis], geometry.dilations[axis]];
    const total =
      stride * (g.size(x, axis + 2) - 1) +
      (outputPadding?.[axis] ?? 0) +
      dilation * (k - 1) +
      1 -
      g.size(y, axis + 2);
    if (total < 0) {
      throw new UnsupportedOpError(
        `ConvTranspose at node '${node.name}': no gradient rule for an output larger than the kernel reaches.`,
      );
    }
    return total;
  });
  const smaller = totals.map((total) => Math.floor(total / 2));
  const larger = totals.map((total) => Math.ceil(total / 2));
  return autoPad === "SAME_UPPER"
    ? { ...geometry, begins: smaller, ends: larger }
    : { ...geometry, begins: larger, ends: smaller };
}

export const convolutionVjps: VjpTable = {
  Conv: (context) => {
    const { g, node, x, inputs, dy, full } = context;
    const weight = inputs[1] ?? "";
    const geometry = convolutionGeometry(g, node, x, weight);
    return [
      () => convolutionInputVjp(g, full(dy), weight, geometry, x),
      () => convolutionWeightVjp(context, x, full(dy), geometry),
      () => biasVjp(g, full(dy)),
    ];
  },
  // The adjoint of a transposed convolution is the convolution with the same weight.
  ConvTranspose: (context) => {
    const { g, node, x, y, inputs, dy, full } = context;
    const weight = inputs[1] ?? "";
    return [
      () => {
        const geometry = transposeGeometry(g, node, x, y, weight);
        const product = g.node("Conv", [full(dy), weight], convolutionAttributes(geometry));
        const sizes = spatialSizes(g, x);
        if (spatialSizes(g, product).every((size, axis) => size === sizes[axis])) return product;
        const spatial = sizes.map((_, axis) => axis + 2);
        return g.slice(
          product,
          spatial.map(() => 0),
          [...sizes],
          spatial,
        );
      },
      () => convolutionWeightVjp(context, full(dy), x, transposeGeometry(g, node, x, y, weight)),
      () => biasVjp(g, full(dy)),
    ];
  },
};
