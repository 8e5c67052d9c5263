import { fileURLToPath } from "node:url";
import { arrayInput } from "./image/array-input.ts";
import { arrayPictures } from "./image/array-picture.ts";
import { contactSheet, shownSlices } from "./image/contact-sheet.ts";
import { decodeImage } from "./image/decode-node.ts";
import type { Placement } from "./image/placement.ts";
import { preprocess, statedSize, type Preprocess } from "./image/preprocess.ts";
import { toRgba } from "./image/decoded-image.ts";
import { readArrayFile } from "./image/read-array-node.ts";
import { isFolder, readSlices } from "./image/read-slices-node.ts";
import type { RgbaImage } from "./image/rgba-image.ts";
import { GraphModel } from "./runtime/graph-model.ts";
import type { Model } from "./runtime/model.ts";
import { hashModelFiles, readModelFile } from "./runtime/model-file-node.ts";
import { metadataLabels, metadataPreprocess, type StatedPreprocess } from "./runtime/metadata-preprocess.ts";
import { takesAnySize, type ImageSize } from "./runtime/image-input.ts";
import { analyseNetwork } from "./runtime/network.ts";
import { NodeRuntime, type NodeDevice, type NodeRuntimeOptions } from "./runtime/session-node.ts";
import { choosePreprocess } from "./runtime/preprocess-detective.ts";
import {
  hasNumberedLabelsBeside,
  labelsBeside,
  preprocessBeside,
  readLabels,
  readPreprocess,
} from "./runtime/sidecar-node.ts";
import type { AnyTensor, Tensor } from "./tensor/tensor.ts";

export * from "./index.ts";
export { writeModelFile } from "./runtime/write-model-node.ts";
export type { WriteModelFileOptions } from "./runtime/write-model-node.ts";
export { encodeImage, writeAnimation, writeImage } from "./image/encode-node.ts";

/** The classifier that comes with the package: EfficientNet-Lite0, trained on ImageNet-1k. */
export const embeddedModelPath = fileURLToPath(new URL("../models/efficientnet-lite0.onnx", import.meta.url));

export interface LoadModelOptions {
  /** Where the network runs. Default `cpu`. */
  readonly device?: NodeDevice;
  /** Processor threads. Default: the physical cores. */
  readonly threads?: number;
  /** ONNX Runtime's graph optimisation. Default `all`; `disabled` tells rounding of its fused kernels from a fault of ours. */
  readonly optimization?: NodeRuntimeOptions["optimization"];
  /** Bytes that the activations of a run may take. Default 1 GiB. */
  readonly batchMemory?: number;
  /** Images a run, instead of what the budget allows. */
  readonly batchSize?: number;
  /** Class names, or the path of a file of them. Default: a file beside the model. */
  readonly labels?: string | readonly string[];
  /** A preset (`imagenet`, ...), the path of a JSON description, or a description. Default: found by {@link choosePreprocess}. */
  readonly preprocess?: string | Preprocess;
  /** Overrides how the photograph is made to fit. */
  readonly resize?: Preprocess["resize"]["mode"];
  /** Name of the target layer (value or node). Default: found in the graph. */
  readonly layer?: string;
  /** Height and width (of a volume: depth first) for a model that takes any size. */
  readonly size?: ImageSize;
  /** The value with the class scores, if it is not found. */
  readonly output?: string;
  /** Fixed values of further inputs. */
  readonly feeds?: Readonly<Record<string, AnyTensor>>;
  /** How classes are scored; default: by the activation the model ends in, softmax if it ends in logits. */
  readonly probabilityKind?: "softmax" | "sigmoid";
}

/** Facts about a model file, for records and for `inspect`. */
export interface ModelDescription {
  readonly file: string;
  /** SHA-256 of the file and of its data files. */
  readonly sha256: string;
  readonly opset: number;
  readonly irVersion: number;
  readonly producer: string;
  /**
   * Where the preprocessing comes from: `option`, a preset, a path, what the file's metadata or graph say, or `assumed`
   * (with the reason, if there is one).
   */
  readonly preprocessSource: string;
}

/** A classifier from a file. */
export interface NodeModel extends Model {
  readonly preprocess: Preprocess;
  readonly description: ModelDescription;
  /** The same network at another image size, for files with dynamic height and width; closed with this model. */
  atSize(height: number, width: number): Promise<Model>;
  /** The analysed graph, for `inspect`. */
  readonly network: GraphModel["network"];
  readonly onnx: GraphModel["onnx"];
  /** What differs from the file and what to know of the numbers, as far as it has shown: sentences. */
  readonly notes: readonly string[];
  /** Why images run one by one, or `undefined` if several share a run; where the file leaves that open it is tried out, once. */
  checkStack(): Promise<string | undefined>;
  /** Compares logits of an image with what the file gives, run without any rewriting. */
  compareWithFile: GraphModel["compareWithFile"];
}

/**
 * Loads a classifier from an ONNX file; without a path the embedded one.
 *
 * @throws ModelError if the file is not a usable image classifier
 * @example
 * const model = await loadModel("resnet50.onnx", { preprocess: "imagenet" });
 */
export async function loadModel(
  path: string = embeddedModelPath,
  options: LoadModelOptions = {},
): Promise<NodeModel> {
  const onnx = readModelFile(path);
  const runtime = new NodeRuntime({
    ...(options.device === undefined ? {} : { device: options.device }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.optimization === undefined ? {} : { optimization: options.optimization }),
  });
  try {
    const stated = statedPreprocess(path, onnx.metadata, options.preprocess);
    const size =
      options.size ?? (takesAnySize(onnx.graph) ? statedSize(stated?.preprocess.resize) : undefined);
    const given = {
      ...(options.output === undefined ? {} : { output: options.output }),
      ...(options.feeds === undefined ? {} : { feeds: options.feeds }),
    };
    const network = analyseNetwork(onnx, { ...given, ...(size === undefined ? {} : { size }) });
    const { preprocess: described, source } = choosePreprocess(network, {
      stated,
      hasNumberedLabels: hasNumberedLabelsBeside(path),
    });
    const chosen =
      options.resize === undefined
        ? described
        : { ...described, resize: { ...described.resize, mode: options.resize } };
    const labels =
      typeof options.labels === "string"
        ? readLabels(options.labels)
        : (options.labels ?? network.tail.labels ?? labelsBeside(path) ?? metadataLabels(onnx.metadata));
    const model = new GraphModel({
      onnx,
      network,
      runtime,
      normalization: chosen.normalization,
      labels:
        labels?.length === Math.max(network.tail.logitCount, 2) || options.labels !== undefined
          ? labels
          : undefined,
      probabilityKind: options.probabilityKind,
      batchMemory: options.batchMemory,
      batchSize: options.batchSize,
      layer: options.layer,
      analyse: (other) => analyseNetwork(onnx, { ...given, size: other }),
    });
    await model.settleDefaultLayer();
    return Object.assign(model, {
      preprocess: chosen,
      description: {
        file: path,
        sha256: await hashModelFiles(onnx),
        opset: onnx.opsets.get("") ?? 0,
        irVersion: onnx.irVersion,
        producer: [onnx.producer.name, onnx.producer.version].filter((text) => text !== "").join(" "),
        preprocessSource: source,
      },
    });
  } catch (error) {
    await runtime.close();
    throw error;
  }
}

/** The preprocessing that the caller, a file beside the model or the model's metadata state. */
function statedPreprocess(
  path: string,
  metadata: ReadonlyMap<string, string>,
  option: string | Preprocess | undefined,
): StatedPreprocess | undefined {
  if (typeof option === "string") return { preprocess: readPreprocess(option), source: option };
  if (option !== undefined) return { preprocess: option, source: "option" };
  const beside = preprocessBeside(path);
  if (beside !== undefined) return { preprocess: beside.preprocess, source: beside.path };
  return metadataPreprocess(metadata);
}

/** A photograph, an array or a folder of slices made ready for a model. */
export interface LoadedImage {
  /** The network input `[1, C, H, W]` (of a volume `[1, C, D, H, W]`), normalised. */
  readonly input: Tensor;
  /** A picture of each slice of a volume. */
  readonly slices?: readonly RgbaImage[];
  /** True if it was an array, whose values go in as they are. */
  readonly isArray?: boolean;
  /** The whole photograph, upright; of an array a picture of its values, of a volume a sheet of its slices. */
  readonly photograph: RgbaImage;
  /** Which part of the photograph the input shows. */
  readonly placement: Placement;
}

/**
 * Decodes a photograph (path or bytes), resizes and normalises it as the model wants. An array (`.npy`, or `.npz` with one) goes
 * in as it is and must have the shape that the model takes, without leading ones if you like; a folder is a volume, a picture
 * a slice.
 *
 * @throws DataError if it is missing or not an image
 * @throws ShapeError for an array of another shape
 */
export async function loadImage(
  source: string | Uint8Array,
  model: Pick<NodeModel, "preprocess" | "channels" | "depth" | "height" | "width">,
): Promise<LoadedImage> {
  const array = readArrayFile(source);
  if (array !== undefined) {
    const input = arrayInput(array, model, typeof source === "string" ? source : "input");
    return { ...shownArray(input, model), isArray: true };
  }
  if (model.depth !== undefined && typeof source === "string" && isFolder(source))
    return shownArray(await readSlices(source, model.preprocess, model), model);
  const decoded = await decodeImage(source);
  const { input, placement } = preprocess(decoded, model.preprocess, model);
  return { input, placement, photograph: toRgba(decoded) };
}

/** An input that is no photograph, with the picture that stands for it. */
function shownArray(
  input: Tensor,
  model: Pick<NodeModel, "channels" | "depth" | "height" | "width">,
): LoadedImage {
  const pictures = arrayPictures(input, model);
  const [first] = pictures;
  const isVolume = model.depth !== undefined || first === undefined;
  const cells = isVolume
    ? shownSlices(pictures.length).flatMap((slice) => {
        const image = pictures[slice];
        return image === undefined ? [] : [{ slice, image }];
      })
    : [];
  const photograph = isVolume ? contactSheet(cells) : first;
  const { width, height } = photograph;
  const placement = { width, height, region: { left: 0, top: 0, width, height } };
  return { input, photograph, placement, ...(isVolume && { slices: pictures }) };
}
