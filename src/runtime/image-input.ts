import { ModelError, ShapeError } from "../errors.ts";
import {
  intsAttribute,
  intAttribute,
  type Dim,
  type Graph,
  type GraphNode,
  type Shape,
} from "../graph/graph.ts";
import type { ElementType } from "../tensor/tensor.ts";

/** The network's image input. */
export interface NetworkInput {
  readonly name: string;
  readonly layout: "NCHW" | "NHWC";
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** The number of images that every run must have, else `undefined`: any number. */
  readonly fixedBatch: number | undefined;
  /** The element type in the file; fed as float32 in any case. */
  readonly type: ElementType;
  /** True if the file's input has no batch axis: `[C, H, W]` or `[H, W, C]`. */
  readonly isUnbatched: boolean;
}

/**
 * Finds the image among the inputs: the one of rank 4, or of rank 3 if it has few channels.
 *
 * @throws ModelError if there is none, or several, or another input has no value, naming what there is.
 */
export function findImageInput(
  graph: Graph,
  size: readonly [height: number, width: number] | undefined,
): NetworkInput {
  const inputs = graph.inputs.filter((input) => !graph.initializers.has(input.name));
  const described = inputs
    .map(
      (input) =>
        `${input.name} ${input.type} [${input.dims?.map((dim) => dim || "?").join(", ") ?? "unknown rank"}]`,
    )
    .join("; ");
  const batched = inputs.filter(({ dims }) => dims === undefined || dims.length === 4);
  const extended = batched.filter(({ dims }) => dims === undefined || !isVector(dims));
  const images =
    batched.length > 0
      ? extended.length > 0
        ? extended
        : batched
      : inputs.filter(({ dims }) => dims?.length === 3 && dims.some(isChannelCount));
  const image = images[0];
  if (image === undefined && inputs.some(({ dims }) => dims?.length === 5)) {
    throw new ModelError(
      `Inputs: expected an image of rank 4, found a volume or video: ${described}. Networks over three axes of space are not explained yet.`,
    );
  }
  if (image === undefined || images.length > 1) {
    throw new ModelError(
      `Inputs: expected one image of rank 4 ([batch, channels, height, width] or channels last), found ${described || "none"}.` +
        (images.length > 1 ? " Fix the others with --feed NAME=VALUE or --feed NAME=FILE.npy." : ""),
    );
  }
  const further = inputs.filter((input) => input !== image);
  if (further.length > 0) {
    throw new ModelError(
      `Inputs: the model has ${further.length} besides the image '${image.name}': ${further.map((input) => input.name).join(", ")}. ` +
        "Give each a value with --feed NAME=VALUE or --feed NAME=FILE.npy.",
    );
  }
  const isUnbatched = image.dims?.length === 3;
  const dims: Shape = isUnbatched
    ? [1, ...(image.dims ?? [])]
    : (image.dims ?? ["batch", "channels", "height", "width"]);
  const [batch = 1, a = "", b = "", c = ""] = dims;
  const layout = layoutOf(graph, image.name, [a, c], isUnbatched);
  const [channelDim, heightDim, widthDim] = layout === "NCHW" ? [a, b, c] : [c, a, b];
  const number = (dim: Dim, fallback: number): number =>
    typeof dim === "number" && dim > 0 ? dim : fallback;
  const height = number(heightDim, size?.[0] ?? 224);
  const width = number(widthDim, size?.[1] ?? 224);
  if (size !== undefined && (height !== size[0] || width !== size[1])) {
    throw new ShapeError(
      `size: expected ${height} x ${width}, which the model fixes, got ${size[0]} x ${size[1]}. Leave the size out.`,
    );
  }
  return {
    name: image.name,
    layout,
    channels: number(channelDim, firstConvolutionChannels(graph, image.name) ?? 3),
    height,
    width,
    fixedBatch: typeof batch === "number" && batch > 0 ? batch : undefined,
    type: image.type,
    isUnbatched,
  };
}

/**
 * True of `[1, 1, 1, 3]` and the like: a number a channel. Keras' exports leave the mean and deviation of normalisation layers
 * open as such inputs.
 */
function isVector(dims: Shape): boolean {
  return dims.slice(1).filter((dim) => dim !== 1).length <= 1;
}

function isChannelCount(dim: Dim): boolean {
  return typeof dim === "number" && dim >= 1 && dim <= 16;
}

/** By what the first operators do: convolutions want the channels first. Else by the sizes. */
function layoutOf(
  graph: Graph,
  image: string,
  [first, last]: readonly [Dim, Dim],
  isUnbatched: boolean,
): NetworkInput["layout"] {
  const nodes = leadingNodes(graph, image);
  const turned = nodes.find((node) => node.opType === "Transpose");
  const perm = turned === undefined ? undefined : intsAttribute(turned, "perm");
  const toFirst = isUnbatched ? [2, 0, 1] : [0, 3, 1, 2];
  if (perm?.every((axis, index) => axis === toFirst[index]) === true) return "NHWC";
  if (turned === undefined && convolutions.has(nodes.at(-1)?.opType ?? "")) return "NCHW";
  if (isChannelCount(first) && !(isChannelCount(last) && Number(last) < Number(first))) return "NCHW";
  return isChannelCount(last) ? "NHWC" : "NCHW";
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
  if (node?.opType !== "Conv") return undefined;
  const weight = graph.initializers.get(node.inputs[1] ?? "");
  const channels = weight?.dims[1];
  return channels === undefined ? undefined : channels * intAttribute(node, "group", 1);
}

/** True unless the file fixes every size of its inputs; what it fixes wins over what is published beside it. */
export function takesAnySize({ inputs, initializers }: Graph): boolean {
  return inputs.some(
    ({ name, dims }) =>
      !initializers.has(name) && (dims?.slice(1).some((dim) => typeof dim !== "number") ?? true),
  );
}
