import { ModelError } from "./errors.ts";
import { decodeImage } from "./image/decode-web.ts";
import { fromRgba, toRgba, type DecodedImage } from "./image/decoded-image.ts";
import type { Placement } from "./image/placement.ts";
import { parsePreprocess } from "./image/preprocess-schema.ts";
import { preprocess, statedSize, type Preprocess } from "./image/preprocess.ts";
import type { RgbaImage } from "./image/rgba-image.ts";
import { memorySource } from "./onnx/byte-source.ts";
import type { ModelFile, OnnxModel } from "./onnx/model.ts";
import { readModelFrom } from "./onnx/read.ts";
import { randomStream } from "./random/random-stream.ts";
import { backendRules, webGpuObstacle } from "./runtime/backend-rules.ts";
import { checkGradient, type GradientCheck } from "./runtime/check-gradient.ts";
import { findWebGpu, hashBytes, readBytes } from "./runtime/device-web.ts";
import { GraphModel } from "./runtime/graph-model.ts";
import type { Model } from "./runtime/model.ts";
import { takesAnySize } from "./runtime/image-input.ts";
import { metadataLabels, metadataPreprocess, type StatedPreprocess } from "./runtime/metadata-preprocess.ts";
import { choosePreprocess } from "./runtime/preprocess-detective.ts";
import { analyseNetwork, type Network } from "./runtime/network.ts";
import { WebRuntime } from "./runtime/session-web.ts";
import { smoothImage } from "./runtime/smooth-image.ts";
import type { AnyTensor, Tensor } from "./tensor/tensor.ts";

export * from "./index.ts";
export { colorMapNames, colorTable, tableIndex } from "./image/color-map.ts";
export { encodePng } from "./image/encode-web.ts";
export { formatValue } from "./image/figure.ts";
export { toPixelSpace } from "./image/normalize.ts";
export { createMemo, type Curve } from "./metrics/define-metric.ts";
export { deletion } from "./metrics/deletion.ts";
export { insertion } from "./metrics/insertion.ts";
export { orderDescending, ranks } from "./metrics/rank.ts";
export { substrate } from "./metrics/substrate.ts";
export { plausiblePreprocessing, type PreprocessCandidate } from "./runtime/preprocess-detective.ts";
export { parseLabels } from "./runtime/labels.ts";

/** A file as a page has it: bytes, a dropped file, or an address that is fetched. */
export type FileSource = ArrayBuffer | Uint8Array | Blob | string | URL;

export interface LoadModelOptions {
  /** The ONNX file. */
  readonly model: FileSource;
  /** Its name, for messages and records. Default: the dropped file's, or the end of the address. */
  readonly name?: string;
  /** Data files that the model refers to, by the location that it names (`model.onnx.data`). */
  readonly dataFiles?: Readonly<Record<string, FileSource>>;
  /** Class names, in order. `parseLabels` reads them from a file. */
  readonly labels?: readonly string[];
  /**
   * A preset (`imagenet`, ...), JSON text (also a Hugging Face `preprocessor_config.json`), or a description. Default: what
   * the model's metadata or graph say, else `imagenet`; `description.preprocessSource` says which.
   */
  readonly preprocess?: string | Preprocess;
  /**
   * Where the network runs. Default `auto`: WebGPU if there is hardware for it and the gradient of this model passes a
   * check on it, else WebAssembly; `deviceNotes` says why.
   */
  readonly device?: "auto" | "wasm" | "webgpu";
  /** Threads of WebAssembly. Default: the processors, at most 8, if the page is cross-origin isolated, else 1. */
  readonly threads?: number;
  /** Folder (URL) of ONNX Runtime's `.wasm` files. Default: beside the script, where bundlers put them. */
  readonly wasmPaths?: string;
  /** Checks the gradient also on WebAssembly (on WebGPU it always is). Default true; costs about ten evaluations. */
  readonly check?: boolean;
  /** Bytes that the activations of a run may take. Default 256 MiB: WebAssembly has 4 GB in all, often less. */
  readonly batchMemory?: number;
  readonly batchSize?: number;
  /** Name of the target layer (value or node). Default: found in the graph. */
  readonly layer?: string;
  /** Height and width for a model that takes any size. */
  readonly size?: readonly [height: number, width: number];
  /** The value with the class scores, if it is not found. */
  readonly output?: string;
  /** Fixed values of further inputs. */
  readonly feeds?: Readonly<Record<string, AnyTensor>>;
  /** How classes are scored; default: by the activation the model ends in, softmax if it ends in logits. */
  readonly probabilityKind?: "softmax" | "sigmoid";
}

/** Facts about a model, for records and for people. */
export interface ModelDescription {
  readonly file: string;
  /** SHA-256 of the file and of its data files; absent on pages without HTTPS. */
  readonly sha256?: string;
  readonly opset: number;
  readonly irVersion: number;
  readonly producer: string;
  /** `option`, what the file's metadata or graph say, or `assumed` (with the reason, if there is one). */
  readonly preprocessSource: string;
}

/** A classifier in the browser. */
export interface WebModel extends Model {
  readonly preprocess: Preprocess;
  readonly description: ModelDescription;
  /** `wasm` or `webgpu`. */
  readonly device: string;
  /** What the user should know of the choice of device: why WebGPU is not used, or that the gradient failed its check. */
  readonly deviceNotes: readonly string[];
  /** What differs from the file and what to know of the numbers, as far as it has shown: sentences. */
  readonly notes: readonly string[];
  /** The check of the gradient on this device; absent if it was not asked for. */
  readonly gradientCheck?: GradientCheck;
  /** The analysed graph. */
  readonly network: Network;
  readonly onnx: OnnxModel;
}

/**
 * Loads a classifier in a page or, better, in a Web Worker: the network blocks the thread that it runs in.
 *
 * @throws ModelError if the file is not a usable image classifier, or a data file is missing
 * @throws RuntimeUnavailableError if the device that was asked for is not there
 * @example
 * const model = await loadModel({ model: "resnet50.onnx", preprocess: "imagenet" });
 * const image = await loadImage(file, model);
 * const { map } = await explain({ model, input: image.input, method: "grad-cam" });
 */
export async function loadModel(options: LoadModelOptions): Promise<WebModel> {
  const name = options.name ?? nameOf(options.model);
  const bytes = await readBytes(options.model, name);
  const dataFiles = new Map<string, Uint8Array>();
  for (const [location, source] of Object.entries(options.dataFiles ?? {})) {
    dataFiles.set(location, await readBytes(source, location));
  }
  const onnx = readModelFrom(modelFile(name, bytes), (locations) =>
    locations.map((location) => {
      // A dropped file has lost its folder.
      const found = dataFiles.get(location) ?? dataFiles.get(location.split("/").pop() ?? "");
      if (found !== undefined) return modelFile(location, found);
      throw new ModelError(
        `its weights are in '${location}', got ${dataFiles.size === 0 ? "no data file" : [...dataFiles.keys()].join(", ")}. ` +
          "Give that file together with the model (exporters write the two side by side).",
      );
    }),
  );
  const stated = statedPreprocess(onnx.metadata, options.preprocess);
  const size = options.size ?? (takesAnySize(onnx.graph) ? statedSize(stated?.preprocess.resize) : undefined);
  const network = analyseNetwork(onnx, {
    ...(size === undefined ? {} : { size }),
    ...(options.output === undefined ? {} : { output: options.output }),
    ...(options.feeds === undefined ? {} : { feeds: options.feeds }),
  });
  const { preprocess: described, source } = choosePreprocess(network, { stated });
  const sha256 = await hashBytes([bytes, ...dataFiles.values()]);
  const description: ModelDescription = {
    file: name,
    ...(sha256 === undefined ? {} : { sha256 }),
    opset: onnx.opsets.get("") ?? 0,
    irVersion: onnx.irVersion,
    producer: [onnx.producer.name, onnx.producer.version].filter((text) => text !== "").join(" "),
    preprocessSource: source,
  };
  const opened = await openOnDevice(onnx, network, described, options);
  return Object.assign(opened.model, { preprocess: described, description, ...opened.facts });
}

function statedPreprocess(
  metadata: ReadonlyMap<string, string>,
  option: string | Preprocess | undefined,
): StatedPreprocess | undefined {
  if (option === undefined) return metadataPreprocess(metadata);
  return { preprocess: typeof option === "string" ? parsePreprocess(option) : option, source: "option" };
}

interface Opened {
  readonly model: GraphModel;
  readonly facts: { readonly deviceNotes: readonly string[]; readonly gradientCheck?: GradientCheck };
}

async function openOnDevice(
  onnx: OnnxModel,
  network: Network,
  described: Preprocess,
  options: LoadModelOptions,
): Promise<Opened> {
  const wanted = options.device ?? "auto";
  const notes: string[] = [];
  if (wanted !== "wasm") {
    const gpu = await findWebGpu();
    const obstacle = webGpuObstacle(network.graph);
    if (obstacle !== undefined) notes.push(`WebGPU is not used for this model: ${obstacle}.`);
    else if (gpu.kind === "hardware" || (gpu.kind === "software" && wanted === "webgpu")) {
      const tried = await tryWebGpu(onnx, network, described, options);
      if ("model" in tried) return tried;
      notes.push(`WebGPU is not used for this model: ${tried.reason}`);
    } else {
      const reason = gpu.kind === "none" ? gpu.reason : "it would run in software, slower than WebAssembly";
      notes.push(`WebGPU is not used: ${reason}.`);
    }
  }
  const model = await open(onnx, network, described, options, "wasm");
  if (options.check === false) return { model, facts: { deviceNotes: notes } };
  try {
    const gradientCheck = await checkOnce(model);
    if (gradientCheck.verdict === "fail") {
      notes.push(
        `The gradient of this model fails its check: ${gradientCheck.reason} Do not trust methods that need gradients.`,
      );
    }
    return { model, facts: { deviceNotes: notes, gradientCheck } };
  } catch (error) {
    notes.push(
      `Methods that need gradients do not work with this model: ${error instanceof Error ? error.message : String(error)}`,
    );
    return { model, facts: { deviceNotes: notes } };
  }
}

async function tryWebGpu(
  onnx: OnnxModel,
  network: Network,
  described: Preprocess,
  options: LoadModelOptions,
): Promise<Opened | { readonly reason: string }> {
  let model: GraphModel | undefined;
  try {
    model = await open(onnx, network, described, options, "webgpu");
    const gradientCheck = await checkOnce(model);
    if (gradientCheck.verdict !== "fail") return { model, facts: { deviceNotes: [], gradientCheck } };
    await model.close();
    return { reason: `its gradient is wrong there (${gradientCheck.reason})` };
  } catch (error) {
    await model?.close().catch(() => undefined);
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

async function open(
  onnx: OnnxModel,
  network: Network,
  described: Preprocess,
  options: LoadModelOptions,
  device: "wasm" | "webgpu",
): Promise<GraphModel> {
  const runtime = new WebRuntime({
    device,
    // Each build is a file of its own, of which a page loads one.
    ort: () => (device === "webgpu" ? import("onnxruntime-web/webgpu") : import("onnxruntime-web/wasm")),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.wasmPaths === undefined ? {} : { wasmPaths: options.wasmPaths }),
  });
  const classCount = Math.max(network.tail.logitCount, 2);
  const found = network.tail.labels ?? metadataLabels(onnx.metadata);
  if (options.labels !== undefined && options.labels.length < classCount) {
    throw new ModelError(
      `labels: expected ${classCount} class names, one for each output of the model, got ${options.labels.length}. Give the list that belongs to this model.`,
    );
  }
  const model = new GraphModel({
    onnx,
    network,
    runtime,
    normalization: described.normalization,
    labels: options.labels ?? (found?.length === classCount ? found : undefined),
    probabilityKind: options.probabilityKind,
    batchMemory: options.batchMemory ?? 2 ** 28,
    batchSize: options.batchSize,
    layer: options.layer,
    backendRules: backendRules(device),
  });
  await model.settleDefaultLayer();
  return model;
}

/** Along the gradient itself, on a smooth random picture: eight evaluations, and a wrong rule shows as an error of 0.3 and more. */
async function checkOnce(model: GraphModel): Promise<GradientCheck> {
  const input = smoothImage(model, randomStream(0, "device-check"));
  const { data } = await model.logits(input);
  const index = data.reduce((best, value, at) => (value > (data[best] ?? -Infinity) ? at : best), 0);
  return await checkGradient(model, input, { index }, randomStream(0, "device-check", "directions"), {
    directionCount: 0,
  });
}

/**
 * The check that {@link loadModel} makes with `check: true`, for a page that shows the first map before it checks.
 * @returns The check; its `verdict` is `fail` where methods that need gradients are not to be trusted.
 */
export async function checkDevice(model: WebModel): Promise<GradientCheck> {
  return await checkOnce(model as WebModel & GraphModel);
}

/** A photograph made ready for a model. */
export interface LoadedImage {
  /** The network input `[1, C, H, W]`, normalised. */
  readonly input: Tensor;
  /** The whole photograph, upright. */
  readonly photograph: RgbaImage;
  /** Which part of the photograph the input shows. */
  readonly placement: Placement;
}

/**
 * Decodes a photograph, resizes and normalises it as the model wants.
 *
 * @param source A file, a picture that is drawn already (camera frame, canvas), or pixels.
 * @throws DataError if the browser cannot decode it
 */
export async function loadImage(
  source: Blob | Uint8Array | RgbaImage,
  model: Pick<WebModel, "preprocess" | "channels" | "height" | "width">,
): Promise<LoadedImage> {
  const decoded: DecodedImage =
    source instanceof Blob || source instanceof Uint8Array ? await decodeImage(source) : fromRgba(source);
  const { input, placement } = preprocess(decoded, model.preprocess, model);
  return { input, placement, photograph: toRgba(decoded) };
}

function modelFile(location: string, bytes: Uint8Array): ModelFile {
  return { location, source: bytes, bytes: memorySource(bytes) };
}

function nameOf(source: FileSource): string {
  if (typeof File !== "undefined" && source instanceof File) return source.name;
  if (typeof source === "string" || source instanceof URL) {
    const last = String(source).split(/[?#]/)[0]?.split("/").pop();
    if (last !== undefined && last !== "" && !String(source).startsWith("data:") && last.length < 100)
      return last;
  }
  return "model.onnx";
}
