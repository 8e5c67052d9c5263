import { ModelError, ShapeError } from "../errors.ts";
import { extentOf, type Extent } from "../image/extent.ts";
import {
  intsAttribute,
  intAttribute,
  type Dim,
  type Graph,
  type GraphNode,
  type Shape,
  type ValueInfo,
} from "../graph/graph.ts";
import type { ElementType } from "../tensor/tensor.ts";
import { rowAdvice } from "./pixel-rows.ts";

/** Sizes for a network that takes any. */
export type ImageSize =
  | readonly [height: number, width: number]
  | readonly [depth: number, height: number, width: number];

/** The network's image input; with a `depth` it is a volume. */
export interface NetworkInput extends Extent {
  readonly name: string;
  /** Channels first or last, whatever the number of axes of space; or behind the frames of a video: `[N, T, C, H, W]`. */
  readonly layout: "NCHW" | "NHWC" | "NTCHW";
  readonly channels: number;
  /** True if the file's input is a signal `[N, C, L]`, which is presented as an image of height 1. */
  readonly isSignal?: boolean;
  /** The number of images that every run must have, else `undefined`: any number. */
  readonly fixedBatch: number | undefined;
  /** The element type in the file; fed as float32 in any case. */
  readonly type: ElementType;
  /** True if the file's input has no batch axis: `[C, H, W]` or `[H, W, C]`. */
  readonly isUnbatched: boolean;
  /** True if the file takes the pixels of an image in a row `[N, H W C]`; the graph begins with what makes one of an image. */
  readonly isRow?: boolean;
}

/**
 * Finds the image among the inputs: the one of rank 4, else the volume of rank 5, else the signal of rank 3 that a convolution
 * over one axis takes, else an image of rank 3 with few channels.
 *
 * @throws ModelError if there is none, or several, or another input has no value, naming what there is.
 */
export function findImageInput(graph: Graph, size: ImageSize | undefined): NetworkInput {
  const inputs = graph.inputs.filter((input) => !graph.initializers.has(input.name));
  const described = inputs
    .map(
      (input) =>
        `${input.name} ${input.type} [${input.dims?.map((dim) => dim || "?").join(", ") ?? "unknown rank"}]`,
    )
    .join("; ");
  const images = imageCandidates(graph, inputs);
  const image = images[0];
  if (image === undefined || images.length > 1) {
    throw new ModelError(
      `Inputs: expected one image of rank 4 ([batch, channels, height, width] or channels last) or one volume of rank 5, found ${described || "none"}.` +
        (images.length > 1
          ? " Fix the others with --feed NAME=VALUE or --feed NAME=FILE.npy."
          : rowAdvice(graph)),
    );
  }
  const further = inputs.filter((input) => input !== image);
  if (further.length > 0) {
    throw new ModelError(
      `Inputs: the model has ${further.length} besides the image '${image.name}': ${further.map((input) => input.name).join(", ")}. ` +
        "Give each a value with --feed NAME=VALUE or --feed NAME=FILE.npy.",
    );
  }
  const rank = image.dims?.length ?? (firstConvolutionWeight(graph, image.name)?.length === 5 ? 5 : 4);
  const isSignal = rank === 3 && isSignalInput(graph, image);
  const isUnbatched = rank === 3 && !isSignal;
  const [batch = 1, ...rest]: Shape = isUnbatched
    ? [1, ...(image.dims ?? [])]
    : (image.dims ?? Array.from({ length: rank }, () => ""));
  const layout = layoutOf(graph, image.name, rest, rank, isUnbatched);
  const axis = channelAxis(layout, rest.length - 1);
  const channelDim = rest[axis];
  const space = rest.toSpliced(axis, 1);
  return {
    name: image.name,
    layout,
    channels: isSize(channelDim) ? channelDim : (firstConvolutionChannels(graph, image.name) ?? 3),
    ...sizeOf(isSignal ? [1, ...space] : space, size, isSignal || rank === 5 ? described : undefined),
    fixedBatch: isSize(batch) ? batch : undefined,
    type: image.type,
    isUnbatched,
    ...(isSignal && { isSignal }),
  };
}

/** What belongs to the axes of an image without its batch axis: that of the channels among those of space. */
export function withChannels<T>(
  layout: NetworkInput["layout"],
  channel: T,
  space: readonly T[],
): readonly T[] {
  return space.toSpliced(channelAxis(layout, space.length), 0, channel);
}

/** Which axis of an image without its batch axis holds the channels, where it has `count` axes of space. */
export function channelAxis(layout: NetworkInput["layout"], count: number): number {
  if (layout === "NTCHW") return 1;
  return layout === "NCHW" ? 0 : count;
}

/**
 * True of `[1, 1, 1, 3]` and the like: a number a channel. Keras' exports leave the mean and deviation of normalisation layers
 * open as such inputs.
 */
function isVector(dims: Shape): boolean {
  return dims.slice(1).filter((dim) => dim !== 1).length <= 1;
}

function isSize(dim: Dim | undefined): dim is number {
  return typeof dim === "number" && dim > 0;
}

function imageCandidates(graph: Graph, inputs: readonly ValueInfo[]): readonly ValueInfo[] {
  const kinds: readonly ((input: ValueInfo) => boolean)[] = [
    ({ dims }) => dims === undefined || (dims.length === 4 && !isVector(dims)),
    ({ dims }) => dims?.length === 5,
    ({ dims }) => dims?.length === 4,
    (input) => isSignalInput(graph, input),
    ({ dims }) => dims?.length === 3 && dims.some(isChannelCount),
  ];
  for (const isKind of kinds) {
    const found = inputs.filter(isKind);
    if (found.length > 0) return found;
  }
  return [];
}

function isSignalInput(graph: Graph, { name, dims }: ValueInfo): boolean {
  return dims?.length === 3 && firstConvolutionWeight(graph, name)?.length === 3;
}

/**
 * The sizes that the file fixes, else those given, else what most image classifiers take.
 * @param unusual What is described in the message if the file leaves a size open that has no usual value.
 */
function sizeOf(space: Shape, size: ImageSize | undefined, unusual: string | undefined): Extent {
  if (size === undefined && unusual !== undefined && !space.every(isSize)) {
    throw new ShapeError(
      `size: expected one for each axis of space that the file leaves open, got none for ${unusual}. ` +
        `Give it with --size ${space.length === 3 ? "DxHxW" : "1xL"}.`,
    );
  }
  const sizes = space.map((dim, axis) => (isSize(dim) ? dim : (size?.[axis] ?? 224)));
  if (size !== undefined && (size.length !== sizes.length || sizes.some((one, axis) => one !== size[axis]))) {
    throw new ShapeError(
      `size: expected ${sizes.join(" x ")}, which the model fixes, got ${size.join(" x ")}. Leave the size out.`,
    );
  }
  const [width = 1, height = 1, depth] = sizes.toReversed();
  return extentOf({ depth, height, width });
}

function isChannelCount(dim: Dim): boolean {
  return typeof dim === "number" && dim >= 1 && dim <= 16;
}

/** By what the first operators do: convolutions want the channels first. Else by the sizes. */
function layoutOf(
  graph: Graph,
  image: string,
  dims: Shape,
  rank: number,
  isUnbatched: boolean,
): NetworkInput["layout"] {
  const [first = "", second = "", last = ""] = [dims[0], dims[1], dims.at(-1)];
  const nodes = leadingNodes(graph, image);
  const turned = nodes.find((node) => node.opType === "Transpose");
  const perm = turned === undefined ? undefined : intsAttribute(turned, "perm");
  const toFirst = isUnbatched
    ? [2, 0, 1]
    : [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 1)];
  if (perm?.every((axis, index) => axis === toFirst[index]) === true) return "NHWC";
  if (rank === 4 && perm?.every((axis, index) => toFirst[axis] === index) === true) return "NCHW";
  const isVideo = rank === 5;
  if (isVideo && perm?.every((axis, index) => axis === framesFirst[index]) === true) return "NTCHW";
  if (turned === undefined && convolutions.has(nodes.at(-1)?.opType ?? "")) return "NCHW";
  if (isVideo && isColorCount(second) && !isColorCount(first) && !isColorCount(last)) return "NTCHW";
  if (isChannelCount(first) && !(isChannelCount(last) && Number(last) < Number(first))) return "NCHW";
  return isChannelCount(last) ? "NHWC" : "NCHW";
}

/** Puts the channels of `[N, T, C, H, W]` before the frames. */
const framesFirst: readonly number[] = [0, 2, 1, 3, 4];

/** Of grey and coloured frames. */
function isColorCount(dim: Dim): boolean {
  return dim === 1 || dim === 3;
}

const convolutions: ReadonlySet<string> = new Set(["Conv", "FusedConv", "QLinearConv", "ConvInteger"]);

const leading: ReadonlySet<string> = new Set([
  "Add",
  "BatchNormalization",
  "Cast",
  "Clip",
  "DequantizeLinear",
  "Div",
  "DynamicQuantizeLinear",
  "Gather",
  "Identity",
  "Mul",
  "Pad",
  "QuantizeLinear",
  "Resize",
  "Sub",
  "Transpose",
  "Unsqueeze",
]);

/** The nodes that an image passes one after the other before anything that needs its channels, that one included. */
function leadingNodes(graph: Graph, image: string): readonly GraphNode[] {
  const found: GraphNode[] = [];
  let value = image;
  for (let count = 0; count < 16; count++) {
    const node = graph.nodes.find((candidate) => candidate.inputs.includes(value));
    if (node === undefined) break;
    found.push(node);
    if (!leading.has(node.opType)) break;
    value = node.outputs[0] ?? "";
  }
  return found;
}

/** The channels that the first convolution takes, if the image reaches one at once and its weights are plain. */
function firstConvolutionChannels(graph: Graph, image: string): number | undefined {
  const node = leadingNodes(graph, image).at(-1);
  const channels = firstConvolutionWeight(graph, image)?.[1];
  return node === undefined || channels === undefined ? undefined : channels * intAttribute(node, "group", 1);
}

/** The shape of its weights, which tells over how many axes it slides. */
function firstConvolutionWeight(graph: Graph, image: string): readonly number[] | undefined {
  const node = leadingNodes(graph, image).at(-1);
  return node?.opType === "Conv" ? graph.initializers.get(node.inputs[1] ?? "")?.dims : undefined;
}

/** True unless the file fixes every size of its inputs; what it fixes wins over what is published beside it. */
export function takesAnySize({ inputs, initializers }: Graph): boolean {
  return inputs.some(
    ({ name, dims }) =>
      !initializers.has(name) && (dims?.slice(1).some((dim) => typeof dim !== "number") ?? true),
  );
}
