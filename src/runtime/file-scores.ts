import { ExplainError } from "../errors.ts";
import { placeCount, spatialDims } from "../image/extent.ts";
import { tensorOf } from "../graph/prepare/constants.ts";
import { holdsMissingBias, lacksBias } from "../graph/prepare/missing-bias.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { writeModel } from "../onnx/write.ts";
import { fromBfloat16, fromHalf } from "../tensor/half.ts";
import { elementCount, type AnyTensor, type Tensor } from "../tensor/tensor.ts";
import { channelAxis, withChannels } from "./image-input.ts";
import { probabilities } from "./model.ts";
import type { Network } from "./network.ts";
import type { Runtime } from "./session.ts";

/** How far the explained scores are from what the file itself gives, or why that cannot be known. */
export type FileScores =
  /** Largest difference relative to the largest score. */
  { readonly difference: number } | { readonly problem: string };

/**
 * Runs the file as it is, without any of our rewriting, and compares its output with logits of the same image.
 *
 * @param image `[1, C, H, W]` in input space
 * @param logits `[1, K]` of that image
 */
export async function compareWithFile(
  onnx: OnnxModel,
  network: Network,
  runtime: Runtime,
  image: Tensor,
  logits: Tensor,
): Promise<FileScores> {
  const { input, tail } = network;
  const output = onnx.graph.outputs.find(({ name }) => name === tail.output);
  if (output === undefined || output.nonTensor !== undefined)
    return { problem: `its output holds no numbers; the scores are '${tail.output}'.` };
  const further = onnx.graph.inputs.filter(
    ({ name }) => name !== input.name && !onnx.graph.initializers.has(name),
  );
  if (further.length > 0) return { problem: "it has further inputs." };
  if (input.fixedBatch !== undefined && input.fixedBatch > 1)
    return { problem: `it takes runs of ${input.fixedBatch} images.` };
  const nodes = [onnx.graph, ...onnx.functions.values()].flatMap((body) => body.nodes);
  if (nodes.some((node) => lacksBias(node) || holdsMissingBias(node)))
    return { problem: "ONNX Runtime's Attention ends the process where the file gives it no bias." };
  const feed = inFileForm(image, network);
  if (feed === undefined) return { problem: `ONNX Runtime's JavaScript interface takes no ${input.type}.` };
  try {
    const session = await runtime.createSession(writeModel(onnx));
    const result = await session.run({ [input.name]: feed }, [tail.output]);
    await session.release();
    const theirs = numbersOf(result[tail.output]);
    const ours = inFileScores(network, logits);
    const scale = theirs.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
    const differences = ours.map((value, index) => Math.abs(value - (theirs[index] ?? Number.NaN)) / scale);
    return { difference: differences.reduce((largest, value) => Math.max(largest, value), 0) };
  } catch (error) {
    if (!(error instanceof ExplainError)) throw error;
    return { problem: error.message.split("\n")[0] ?? "" };
  }
}

/** An image in the layout and type of the file's input; `undefined` for a type that cannot be fed. */
function inFileForm(image: Tensor, { input }: Network): AnyTensor | undefined {
  const [, channels = 1] = image.dims;
  const space = input.isSignal === true ? [input.width] : spatialDims(input);
  const places = placeCount(input);
  // A row holds the values of a pixel beside each other.
  const layout = input.isRow === true ? "NHWC" : input.layout;
  const dims = withChannels(layout, channels, space);
  // How many places follow each other in the file before the next channel.
  const inner = elementCount(dims.slice(channelAxis(layout, space.length) + 1));
  const values = Array.from({ length: image.data.length }, (_, index) => {
    const [channel, outer] = [Math.floor(index / inner) % channels, Math.floor(index / (inner * channels))];
    return image.data[channel * places + outer * inner + (index % inner)] ?? 0;
  });
  if (input.isRow === true) return tensorOf(input.type, [1, values.length], values);
  if (input.type === "bfloat16") return undefined;
  return tensorOf(input.type, input.isUnbatched ? dims : [1, ...dims], values);
}

/** Logits in the form of the file's output: through its final activation, one number where there is one. */
function inFileScores({ tail }: Network, logits: Tensor): readonly number[] {
  const values = logits.data.slice(tail.logitCount === 1 ? 1 : 0);
  if (tail.cut === undefined) return Array.from(values);
  const scores = Array.from(probabilities(values, tail.cut === "Sigmoid" ? "sigmoid" : "softmax"));
  return tail.cut === "LogSoftmax" ? scores.map(Math.log) : scores;
}

function numbersOf(tensor: AnyTensor | undefined): readonly number[] {
  if (tensor === undefined) return [];
  if (tensor.type === "float16") return Array.from(tensor.data as Uint16Array, fromHalf);
  if (tensor.type === "bfloat16") return Array.from(tensor.data as Uint16Array, fromBfloat16);
  return Array.from(tensor.data as Float32Array, Number);
}
