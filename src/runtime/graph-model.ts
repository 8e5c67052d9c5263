import type { RuleOverrides } from "../autodiff/rules.ts";
import { DataError, ModelError, ShapeError, UnsupportedOpError } from "../errors.ts";
import { placeCount } from "../image/extent.ts";
import type { Normalization } from "../image/normalize.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { isPlaced, type AxisRoles } from "./axis-roles.ts";
import { compareWithFile, type FileScores } from "./file-scores.ts";
import { activationBytes, batchWithin } from "./memory.ts";
import {
  imageDims,
  type EvaluationCounts,
  type GradientRequest,
  type GradientResult,
  type Layer,
  type Model,
  type Program,
  type ProgramFeeds,
  type ProgramResult,
  type RunOptions,
  type ScoreKind,
  type Target,
} from "./model.ts";
import { imageRoles, type Network } from "./network.ts";
import { ProgramRunner, sampleCount, type Cotangent } from "./program-runner.ts";
import { scoresOfLogits, targetList } from "./scoring.ts";
import type { Runtime } from "./session.ts";
import { stackProblem } from "./stack-check.ts";
import { beforeActivation, layerOf, resolveValue } from "./target-layer.ts";

export interface GraphModelOptions {
  readonly onnx: OnnxModel;
  readonly network: Network;
  readonly runtime: Runtime;
  readonly normalization: Normalization;
  readonly labels?: readonly string[] | undefined;
  /** Overrides what the scoring tail says: `sigmoid` for multi-label networks that end in logits. */
  readonly probabilityKind?: "softmax" | "sigmoid" | undefined;
  /** Bytes that a run's activations may take. Default 1 GiB. */
  readonly batchMemory?: number | undefined;
  /** Images a run, instead of what the budget allows. */
  readonly batchSize?: number | undefined;
  /** Name of the target layer, instead of the one that is found. */
  readonly layer?: string | undefined;
  /** Gradient rules that the backend needs instead of the standard ones. */
  readonly backendRules?: RuleOverrides | undefined;
  /** Analyses the file for another image size; throws a `ShapeError` if the file fixes its size. */
  readonly analyse?: (size: readonly [height: number, width: number]) => Network;
}

/** A classifier on any runtime: builds a graph for each program, keeps its session, splits batches to the memory budget. */
export class GraphModel implements Model {
  readonly network: Network;
  readonly onnx: OnnxModel;
  readonly normalization: Normalization;
  readonly labels: readonly string[] | undefined;
  readonly probabilityKind: "softmax" | "sigmoid";
  private readonly options: GraphModelOptions;
  private readonly runtime: Runtime;
  /** The same network at other image sizes, by size. */
  private readonly others = new Map<string, Promise<GraphModel>>();
  private readonly runner: ProgramRunner;
  private readonly batchMemory: number;
  private readonly forcedBatch: number | undefined;
  private readonly bytesAnImage: number;
  private chosenLayer: Layer | undefined;
  /** Settles whether a batch that was freed may be used: why not, or `undefined`. */
  private stackCheck: Promise<string | undefined> | undefined;
  private stack: { readonly isSettled: boolean; readonly problem?: string | undefined };

  constructor(options: GraphModelOptions) {
    const { tail } = options.network;
    this.options = options;
    this.probabilityKind = options.probabilityKind ?? tail.probabilityKind;
    this.network = { ...options.network, tail: { ...tail, probabilityKind: this.probabilityKind } };
    this.onnx = options.onnx;
    this.runtime = options.runtime;
    this.normalization = options.normalization;
    this.labels = options.labels;
    this.batchMemory = options.batchMemory ?? 2 ** 30;
    this.forcedBatch = options.batchSize;
    this.bytesAnImage = activationBytes(options.network);
    this.stack = { isSettled: options.network.batch.kind !== "freed" };
    this.runner = new ProgramRunner({
      network: this.network,
      onnx: this.onnx,
      runtime: this.runtime,
      backendRules: options.backendRules,
      layer: (name) => this.layer(name),
      batchSize: (kind) => (this.stack.isSettled ? this.batchSize(kind) : 1),
    });
    if (options.layer !== undefined) this.chosenLayer = this.layer(options.layer);
  }

  get channels(): number {
    return this.network.input.channels;
  }
  get depth(): number | undefined {
    return this.network.input.depth;
  }
  get height(): number {
    return this.network.input.height;
  }
  get width(): number {
    return this.network.input.width;
  }
  get classCount(): number {
    return Math.max(this.network.tail.logitCount, 2);
  }
  get outputCount(): number {
    return this.network.tail.logitCount;
  }
  get counts(): EvaluationCounts {
    return this.runner.counts;
  }
  get operators(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { opType, attributes } of this.network.graph.nodes) {
      const { activation } = attributes;
      const fused = activation?.kind === "string" && activation.value !== "" ? [activation.value] : [];
      for (const name of [opType, ...fused]) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }
  get device(): string {
    return this.runtime.device;
  }

  get defaultLayer(): Layer {
    const layer = this.chosenLayer ?? this.network.layers[0];
    if (layer !== undefined) return layer;
    throw new ModelError(
      "layer: the network has no value with a grid over the image that every path to the logits passes. " +
        "Use a method without layers, such as integrated-gradients, xrai or rise, or name a value with --layer that has a grid, " +
        "such as the output of a convolution: the map then explains what passes there.",
    );
  }

  /**
   * Checks the default layer of a token network by a dry run. In a network that reads only its class token, the other
   * tokens of the last block have no gradient: the layer to explain is the last one whose grid still counts.
   */
  async settleDefaultLayer(): Promise<void> {
    if (this.chosenLayer !== undefined) return;
    const candidates = this.network.layers.slice(0, 8);
    if (!candidates.some((layer) => (layer.prefixTokens ?? 0) > 0)) return;
    const image: Tensor = {
      type: "float32",
      dims: [1, ...imageDims(this)],
      data: Float32Array.from({ length: this.channels * placeCount(this) }, (_, index) =>
        Math.sin(index * 12.9898),
      ),
    };
    const { counts } = this.runner;
    const { layerGradients } = await this.gradient(image, {
      target: { index: 0 },
      input: false,
      layers: candidates.map((layer) => layer.name),
    }).catch((error: unknown) => {
      // Without gradients, the methods that need none still have a layer.
      if (error instanceof UnsupportedOpError) return { layerGradients: [] };
      throw error;
    });
    // A look at the model is no evaluation of it.
    this.runner.resetCounts(counts);
    this.chosenLayer =
      candidates.find((_, index) => layerGradients[index]?.data.some((value) => value !== 0)) ??
      candidates[0];
  }

  tappedLayer(tap: "before-activation" | "after-activation"): Layer {
    const layer = this.defaultLayer;
    return tap === "after-activation" ? layer : this.layer(beforeActivation(this.network.graph, layer.name));
  }

  layer(name: string): Layer {
    const { graph, known, roles } = this.network;
    const value = resolveValue(graph, name);
    const dims = known.get(value)?.[0].dims;
    const layer =
      dims === undefined ? undefined : layerOf(value, dims, roles.get(value) ?? this.assumedRoles(dims));
    if (layer !== undefined) return layer;
    const shape = dims === undefined ? "unknown shape" : `[${dims.slice(1).join(", ")}] an image`;
    throw new ModelError(
      `layer: expected a value with a grid of more than one place over the image, but '${value}' has ${shape}` +
        `${isPlaced(roles.get(value)) ? "" : " and its axes cannot be followed from the image"}. ` +
        "List the layers that fit with: onnx-saliency inspect MODEL.",
    );
  }

  /** A value of the rank of a batch of images whose axes cannot be followed is read in the layout of the input. */
  private assumedRoles(dims: readonly number[]): AxisRoles | undefined {
    const roles = imageRoles(this.network.input);
    return dims.length === roles.length ? roles : undefined;
  }

  async logits(images: Tensor, options: RunOptions = {}): Promise<Tensor> {
    this.checkImages(images);
    const { logits } = await this.execute(
      { key: "logits", outputs: [] },
      { batched: { image: images } },
      options.signal,
    );
    return logits;
  }

  async scores(
    images: Tensor,
    target: Target | readonly Target[],
    kind: ScoreKind,
    options: RunOptions = {},
  ): Promise<Float64Array> {
    const targets = targetList(target, images.dims[0] ?? 0, this.classCount);
    return scoresOfLogits(await this.logits(images, options), targets, kind, this.probabilityKind);
  }

  async gradient(images: Tensor, request: GradientRequest): Promise<GradientResult> {
    this.checkImages(images);
    const layers = (request.layers ?? []).map((name) => this.layer(name).name);
    const wrt = [...(request.input === false ? [] : ["image"]), ...layers];
    const program: Program = {
      key: "gradient",
      wrt,
      layers,
      ...(request.rules === undefined ? {} : { rules: request.rules }),
    };
    const { logits, scores, outputs } = await this.run(
      program,
      { batched: { image: images } },
      { target: request.target, score: request.score ?? "logit", signal: request.signal },
    );
    const output = (name: string): Tensor => {
      const value = outputs[name];
      if (value === undefined) throw new ModelError(`Output '${name}': not returned by the session.`);
      return value;
    };
    return {
      scores,
      logits,
      ...(request.input === false ? {} : { gradient: output("gradient:image") }),
      activations: layers.map(output),
      layerGradients: layers.map((name) => output(`gradient:${name}`)),
    };
  }

  async activations(
    images: Tensor,
    layers: readonly string[],
    options: RunOptions = {},
  ): Promise<readonly Tensor[]> {
    this.checkImages(images);
    const names = layers.map((name) => this.layer(name).name);
    const { outputs } = await this.execute(
      { key: "activations", layers: names },
      { batched: { image: images } },
      options.signal,
    );
    return names.map((name) => {
      const value = outputs[name];
      if (value === undefined) throw new ModelError(`Output '${name}': not returned by the session.`);
      return value;
    });
  }

  async run(
    program: Program,
    feeds: ProgramFeeds,
    request: RunOptions & { readonly target: Target | readonly Target[]; readonly score: ScoreKind },
  ): Promise<ProgramResult> {
    const count = sampleCount(feeds);
    const targets = targetList(request.target, count, this.classCount);
    const isGradient = (program.wrt ?? []).length > 0;
    const cotangent: Cotangent | undefined = isGradient ? { kind: request.score, targets } : undefined;
    const { logits, outputs } = await this.execute(program, feeds, request.signal, cotangent);
    return { logits, outputs, scores: scoresOfLogits(logits, targets, request.score, this.probabilityKind) };
  }

  batchSize(kind: "forward" | "gradient"): number {
    const { batch } = this.network;
    if (batch.kind === "fixed") return batch.size;
    if (this.stack.problem !== undefined) return 1;
    return this.forcedBatch ?? batchWithin(this.batchMemory, this.bytesAnImage, kind);
  }

  /** What differs from the file and what to know of the numbers, as far as it has shown: sentences. */
  get notes(): readonly string[] {
    const { problem } = this.stack;
    return problem === undefined ? this.network.notes : [...this.network.notes, problem];
  }

  /**
   * Compares a stack of two images with each alone, once, where the file fixes the batch at 1 and it was rewritten. Done
   * before the first run of several images.
   *
   * @returns why images run one by one, or `undefined` if they need not
   */
  async checkStack(): Promise<string | undefined> {
    const { batch } = this.network;
    if (batch.kind === "fixed") return batch.reason;
    if (this.stack.isSettled) return this.stack.problem;
    this.stackCheck ??= this.compareStack();
    this.stack = { isSettled: true, problem: await this.stackCheck };
    return this.stack.problem;
  }

  /** Compares logits `[1, K]` of an image with what the file itself gives, run without any rewriting. */
  compareWithFile(image: Tensor, logits: Tensor): Promise<FileScores> {
    return compareWithFile(this.onnx, this.network, this.runtime, image, logits);
  }

  private compareStack(): Promise<string | undefined> {
    return this.runner.use({ key: "logits", outputs: [] }, ({ graph, session }) => {
      const name = graph.outputs["logits"] ?? "";
      const run = async (images: Tensor): Promise<Tensor> =>
        (await session.run({ [graph.inputs["image"] ?? ""]: images }, [name]))[name] as Tensor;
      return stackProblem(run, imageDims(this));
    });
  }

  /**
   * The same network at another image size, for files with dynamic height and width. Its graphs are made once a size; it
   * is closed with this model.
   *
   * @throws ShapeError if the file fixes its size
   */
  atSize(height: number, width: number): Promise<GraphModel> {
    if (height === this.height && width === this.width) return Promise.resolve(this);
    const { analyse } = this.options;
    if (analyse === undefined)
      throw new ShapeError(`size: expected ${this.height} x ${this.width}, got ${height} x ${width}.`);
    const key = `${height}x${width}`;
    const known = this.others.get(key);
    if (known !== undefined) return known;
    const made = (async () => {
      const other = new GraphModel({ ...this.options, network: analyse([height, width]) });
      await other.settleDefaultLayer();
      return other;
    })();
    this.others.set(key, made);
    made.catch(() => this.others.delete(key));
    return made;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.others.values()].map(async (other) => (await other).runner.close()));
    await this.runner.close();
    await this.runtime.close();
  }

  /** Runs a program over all samples and joins the outputs; samples of requests made at once share batches. */
  private async execute(
    program: Program,
    feeds: ProgramFeeds,
    signal: AbortSignal | undefined,
    cotangent?: Cotangent,
  ): Promise<{ readonly logits: Tensor; readonly outputs: Record<string, Tensor> }> {
    if (sampleCount(feeds) > 1 && !this.stack.isSettled) await this.checkStack();
    const { logits, ...outputs } = await this.runner.run(program, feeds, signal, cotangent);
    if (logits === undefined) throw new ModelError("The run returned no logits: no samples were given.");
    return { logits, outputs };
  }

  private checkImages(images: Tensor): void {
    const [count, ...rest] = images.dims;
    const wanted = imageDims(this);
    if (rest.length !== wanted.length || count === 0 || rest.some((size, axis) => size !== wanted[axis])) {
      throw new ShapeError(`input: expected [N, ${wanted.join(", ")}], got [${images.dims.join(", ")}].`);
    }
    const { data } = images;
    // A loop, not findIndex: batches hold millions of numbers.
    for (let element = 0; element < data.length; element++) {
      if (!Number.isFinite(data[element]))
        throw new DataError(`input: expected finite numbers, got ${data[element]} at element ${element}.`);
    }
  }
}
