import type { GraphBuilder } from "../../graph/graph-builder.ts";
import {
  floatAttribute,
  intAttribute,
  intsAttribute,
  type GraphNode,
  type Shape,
} from "../../graph/graph.ts";
import type { Vjp, VjpContext, VjpTable } from "../rules.ts";
import { axisAttribute, positiveAxis, range, refuse, unsupported } from "./axes.ts";
import { widened } from "./precision.ts";
import { timesSign } from "./reduction.ts";

/** A standardised value and the reciprocal of its scale. */
interface Standardised {
  readonly normalised: string;
  readonly reciprocal: string;
  readonly axes: readonly number[];
  readonly isCentred: boolean;
}

/** (x - mean) / sqrt(var + epsilon) over axes, or x / sqrt(mean x^2 + epsilon) if not centred. */
export function standardise(
  g: GraphBuilder,
  x: string,
  axes: readonly number[],
  epsilon: number,
  isCentred = true,
): Standardised {
  const centred = isCentred ? g.sub(x, g.reduce("ReduceMean", x, axes)) : x;
  const variance = g.reduce("ReduceMean", g.mul(centred, centred), axes);
  const reciprocal = g.unary("Reciprocal", g.unary("Sqrt", g.add(variance, epsilon)));
  return { normalised: g.mul(centred, reciprocal), reciprocal, axes, isCentred };
}

/** `r (c - mean(c) - n mean(c n))` for the cotangent c of the standardised n; without centring, no mean(c). */
export function standardiseVjp(
  g: GraphBuilder,
  { normalised, reciprocal, axes, isCentred }: Standardised,
  cotangent: string,
): string {
  const along = g.mul(normalised, g.reduce("ReduceMean", g.mul(cotangent, normalised), axes));
  const rest = isCentred ? g.sub(cotangent, g.reduce("ReduceMean", cotangent, axes)) : cotangent;
  return g.mul(reciprocal, g.sub(rest, along));
}

/** A value of one entry a channel, shaped to broadcast over `[N, C, ...]`. */
function perChannel(g: GraphBuilder, value: string, rank: number): string {
  return g.reshape(value, [1, g.dim(value, 0), ...range(rank - 2).map(() => 1)]);
}

/** Sums over all axes but the channels. */
function overChannels(g: GraphBuilder, value: string): string {
  return g.reduce(
    "ReduceSum",
    value,
    range(g.rank(value)).filter((axis) => axis !== 1),
    false,
  );
}

/** LayerNormalization and RMSNormalization: over all axes from `axis` on. */
function layerVjp(isCentred: boolean): Vjp {
  return (context) => {
    const { g, node, x, inputs, dy, cotangents, full, sumTo } = context;
    if (cotangents.slice(1).some((cotangent) => cotangent !== undefined))
      throw unsupported(node, "its mean and deviation as outputs");
    const axes = range(g.rank(x) - axisAttribute(g, node, x, -1), axisAttribute(g, node, x, -1));
    let statistics: Standardised | undefined;
    const standardised = (): Standardised =>
      (statistics ??= standardise(g, widened(g, x), axes, floatAttribute(node, "epsilon", 1e-5), isCentred));
    return [
      () => {
        const cotangent = g.rank(dy) === g.rank(x) ? dy : full(dy);
        const scaled = g.mul(widened(g, cotangent), widened(g, inputs[1] ?? ""));
        return g.cast(standardiseVjp(g, standardised(), scaled), g.type(x));
      },
      () => {
        const product = g.mul(widened(g, full(dy)), standardised().normalised);
        return sumTo(g.cast(product, g.type(inputs[1] ?? "")), 1);
      },
      () => sumTo(dy, 2),
    ];
  };
}

/** InstanceNormalization and GroupNormalization: over the image (and the channels of a group). */
function groupVjp(context: VjpContext, groups: number): ReturnType<Vjp> {
  const { g, node, x, inputs, dy, full } = context;
  const scale = inputs[1] ?? "";
  const rank = g.rank(x);
  const dims = g.dims(x);
  const channels = g.size(x, 1);
  const pixels = dims.slice(2).reduce<number>((count, dim) => count * Number(dim), 1);
  const grouped: Shape = [dims[0] ?? 1, groups, (channels / groups) * pixels];
  const inGroups = (value: string): string => g.reshape(value, grouped);
  const isPerGroup = g.size(scale, 0) === groups && groups !== channels;
  let statistics: Standardised | undefined;
  const standardised = (): Standardised =>
    (statistics ??= standardise(g, inGroups(widened(g, x)), [2], floatAttribute(node, "epsilon", 1e-5)));
  const perInput = (products: string): string => {
    const sum = g.reduce("ReduceSum", inGroups(products), [0, 2], false);
    return isPerGroup ? sum : overChannels(g, products);
  };
  return [
    () => {
      const wide = widened(g, full(dy));
      const factor = widened(g, scale);
      const scaled = isPerGroup
        ? g.mul(inGroups(wide), perChannel(g, factor, 3))
        : inGroups(g.mul(wide, perChannel(g, factor, rank)));
      return g.cast(g.reshape(standardiseVjp(g, standardised(), scaled), dims, x), g.type(x));
    },
    () => {
      const normalised = g.reshape(standardised().normalised, dims, x);
      return g.cast(perInput(g.mul(widened(g, full(dy)), normalised)), g.type(scale));
    },
    () => perInput(full(dy)),
  ];
}

/** Inference mode: an affine map a channel. ORT folds `scale / sqrt(variance + epsilon)` when it loads the model. */
const batchVjp: Vjp = ({ g, node, x, inputs, dy, full }) => {
  if (intAttribute(node, "training_mode", 0) === 1) throw unsupported(node, "training mode");
  const [, scale = "", , mean = "", variance = ""] = inputs;
  const deviation = (): string => g.unary("Sqrt", g.add(variance, floatAttribute(node, "epsilon", 1e-5)));
  const shaped = (value: string): string => g.cast(perChannel(g, value, g.rank(x)), g.type(x));
  return [
    () => g.mul(dy, shaped(g.div(g.cast(scale, g.type(variance)), deviation()))),
    () => overChannels(g, g.mul(full(dy), g.div(g.sub(x, shaped(mean)), shaped(deviation())))),
    () => overChannels(g, full(dy)),
    refuse(node, "its mean"),
    refuse(node, "its variance"),
  ];
};

/** Which channels LRN sums for each channel, as the weight of a 1x1 convolution: `[C, C, 1...]`, symmetric. */
function bandMatrix(g: GraphBuilder, node: GraphNode, x: string): string {
  const size = intAttribute(node, "size", 1);
  // ONNX Runtime refuses such a model, too.
  if (size % 2 === 0) throw unsupported(node, "an even size");
  const channels = range(g.size(x, 1));
  const band = channels.flatMap((row) =>
    channels.map((column) => (Math.abs(row - column) <= (size - 1) / 2 ? 1 : 0)),
  );
  const ones = range(g.rank(x) - 2).map(() => 1);
  return g.floats(band, [channels.length, channels.length, ...ones], x);
}

/** y = x S^-beta with S = bias + alpha/n B(x^2), B the sum over neighbouring channels. */
function localResponseVjp({ g, node, x, dy, full }: VjpContext): string {
  const alpha = floatAttribute(node, "alpha", 1e-4);
  const beta = floatAttribute(node, "beta", 0.75);
  const size = intAttribute(node, "size", 1);
  const band = bandMatrix(g, node, x);
  const sums = g.node("Conv", [g.mul(x, x), band]);
  const base = g.add(g.mul(sums, alpha / size), floatAttribute(node, "bias", 1));
  const direct = g.mul(full(dy), g.pow(base, -beta));
  const neighbours = g.node("Conv", [g.mul(g.div(direct, base), x), band]);
  return g.sub(direct, g.mul(g.mul(x, (2 * alpha * beta) / size), neighbours));
}

/** x / |x|_p along an axis; 0 where the norm is 0. */
function lpVjp({ g, node, x, y, dy }: VjpContext): string {
  const axes = [axisAttribute(g, node, x, -1)];
  const p = intAttribute(node, "p", 2);
  const norm = g.reduce(p === 1 ? "ReduceL1" : "ReduceL2", x, axes);
  const inverse = g.where(g.greater(norm, 0), g.unary("Reciprocal", norm), 0);
  const along = g.reduce("ReduceSum", g.mul(dy, y), axes);
  const projection = p === 1 ? timesSign(g, x, along) : g.mul(y, along);
  return g.mul(inverse, g.sub(dy, projection));
}

export const normalizationVjps: VjpTable = {
  BatchNormalization: batchVjp,
  LayerNormalization: layerVjp(true),
  RMSNormalization: layerVjp(false),
  // The name under which ONNX Runtime has had RMSNormalization.
  SimplifiedLayerNormalization: layerVjp(false),
  InstanceNormalization: (context) => groupVjp(context, context.g.size(context.x, 1)),
  GroupNormalization: (context) => groupVjp(context, intAttribute(context.node, "num_groups", 1)),
  LRN: (context) => [() => localResponseVjp(context)],
  LpNormalization: (context) => [() => lpVjp(context)],
  // The mean and variance may run over the batch, which is the default.
  MeanVarianceNormalization: ({ g, node, x, dy, full }) => [
    () => {
      const axes = (intsAttribute(node, "axes") ?? [0, 2, 3]).map((axis) => positiveAxis(axis, g.rank(x)));
      const standardised = standardise(g, widened(g, x), axes, 1e-18);
      return g.cast(standardiseVjp(g, standardised, widened(g, full(dy))), g.type(x));
    },
  ],
};
