import type { RuleOverrides } from "../autodiff/rules.ts";
import type { GraphBuilder } from "../graph/graph-builder.ts";
import { spatialDims, type Extent } from "../image/extent.ts";
import type { Normalization } from "../image/normalize.ts";
import type { AnyTensor, Tensor } from "../tensor/tensor.ts";

/** The class to explain: output `index`, or the difference `index` minus `minus`. */
export interface Target {
  readonly index: number;
  readonly minus?: number;
}

/**
 * What is differentiated. `probability` is softmax or sigmoid, whichever the model's classes are scored with
 * (`Model.probabilityKind`).
 */
export type ScoreKind = "logit" | "probability" | "log-probability";

/**
 * A value inside the network with one vector a place of a grid over the image. Always presented as `[N, K, h, w]`, over a
 * volume as `[N, K, d, h, w]`.
 */
export interface Layer extends Extent {
  /** The name of the value (ONNX tensor name). */
  readonly name: string;
  readonly channels: number;
  /**
   * How the value lies in the graph; the model transposes, drops prefix tokens and reshapes by itself. Of a volume, `NCHW` is
   * channels first (`[N, C, D, H, W]`) and `NHWC` channels last (`[N, D, H, W, C]`).
   */
  readonly layout: "NCHW" | "NHWC" | "tokens" | "tokens-channels-first";
  /** Class, register and distillation tokens before the grid (token layouts only). */
  readonly prefixTokens?: number;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface GradientRequest extends RunOptions {
  /** One target for all images, or one an image. */
  readonly target: Target | readonly Target[];
  /** Default `logit`: gradients of saturated probabilities vanish. */
  readonly score?: ScoreKind;
  /** True (default): also the gradient at the input. False saves the backward pass below the earliest layer. */
  readonly input?: boolean;
  /** Layers whose activations and gradients are wanted, by value name. */
  readonly layers?: readonly string[];
  /** Replaced gradient rules (guided backpropagation and the like). The name is the cache key. */
  readonly rules?: { readonly name: string; readonly overrides: RuleOverrides };
}

export interface GradientResult {
  /** The score of each image, in float64. */
  readonly scores: Float64Array;
  /** Logits `[N, K]`. */
  readonly logits: Tensor;
  /** d score / d input, `[N, C, H, W]`; absent if `input: false`. */
  readonly gradient?: Tensor;
  /** One `[N, K, h, w]` a layer, in the order asked for. */
  readonly activations: readonly Tensor[];
  /** d score / d activation, same shapes. */
  readonly layerGradients: readonly Tensor[];
}

/**
 * A graph around the network. `prologue` makes the network's input `[batch, C, H, W]` out of new graph inputs that it
 * declares on the builder (a mask that is upsampled and blended, say), so that nothing of image size is built in
 * JavaScript. Without it the network's input is the feed `image`.
 */
export interface Program {
  /** Cache key: two programs with the same key must build the same graph. */
  readonly key: string;
  /**
   * Declares inputs with `g.input(name, dims)` and returns the value that becomes the network's input,
   * dims `["batch", C, H, W]` in input space.
   */
  readonly prologue?: (g: GraphBuilder) => string;
  /**
   * A layer to start from: the prologue's value (`[batch, K, h, w]`; without prologue the feed `activation`) stands for
   * it and nothing before it runs. Every path from the image must pass the layer.
   */
  readonly start?: string;
  /**
   * Values to differentiate the score with respect to: inputs declared by the prologue, layer names, or `image`, the
   * network's input in `[batch, C, H, W]`, be it fed or made by the prologue.
   */
  readonly wrt?: readonly string[];
  readonly rules?: { readonly name: string; readonly overrides: RuleOverrides };
  /** Layers to fetch besides, as `[N, K, h, w]`. */
  readonly layers?: readonly string[];
  /**
   * Appended last: gets the names of `logits`, of each layer and of each `gradient:NAME`, returns further outputs by
   * name (reductions, so that only small tensors leave the graph).
   */
  readonly epilogue?: (
    g: GraphBuilder,
    values: Readonly<Record<string, string>>,
  ) => Readonly<Record<string, string>>;
  /** Outputs to return besides the scores: `gradient:NAME`, layer names or names from the epilogue. Default: all. */
  readonly outputs?: readonly string[];
}

export interface ProgramFeeds {
  /** One entry a sample along axis 0; all must have the same count. Split over batches by the model. */
  readonly batched: Readonly<Record<string, AnyTensor>>;
  /** The same for every sample (leading dimension 1 where the prologue declared one). */
  readonly shared?: Readonly<Record<string, AnyTensor>>;
}

export interface ProgramResult {
  /** Logits `[N, K]`. */
  readonly logits: Tensor;
  /** The score of each sample for its target, float64. */
  readonly scores: Float64Array;
  /** Fetched outputs, each joined along axis 0. */
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** How often the network ran, in images. */
export interface EvaluationCounts {
  readonly forward: number;
  readonly gradient: number;
}

/**
 * A classifier that can be asked for scores, gradients and activations. Images are `[N, C, H, W]` in input space; where the
 * model has a `depth` they are volumes `[N, C, D, H, W]`.
 */
export interface Model extends Extent {
  readonly channels: number;
  readonly classCount: number;
  /** Numbers that the network itself gives an image: 1 where the two classes are an output z and its negative. */
  readonly outputCount?: number;
  readonly labels: readonly string[] | undefined;
  readonly probabilityKind: "softmax" | "sigmoid";
  /** How pixels become network input; also gives the input-space value of black, white and any colour. */
  readonly normalization: Normalization;
  /** The default target layer for activation methods; throws `ModelError` if there is none. */
  readonly defaultLayer: Layer;
  /** The default layer with or without the activation function that ends it (`tap`); the paper taps DenseNet before. */
  tappedLayer(tap: "before-activation" | "after-activation"): Layer;
  /** Resolves a value or node name to a layer; throws `ModelError` with near matches. */
  layer(name: string): Layer;
  /** Operator types of the network, those of activations fused into others included, each with how often it occurs. */
  readonly operators?: ReadonlyMap<string, number>;
  /** What to know of the model before trusting an explanation of it, a sentence each. */
  readonly notes?: readonly string[];
  /** Logits `[N, K]` of a batch of any size. */
  logits(images: Tensor, options?: RunOptions): Promise<Tensor>;
  /** Scores of one target an image. */
  scores(
    images: Tensor,
    target: Target | readonly Target[],
    kind: ScoreKind,
    options?: RunOptions,
  ): Promise<Float64Array>;
  gradient(images: Tensor, request: GradientRequest): Promise<GradientResult>;
  /** Activations `[N, K, h, w]` of each layer; forward only. */
  activations(images: Tensor, layers: readonly string[], options?: RunOptions): Promise<readonly Tensor[]>;
  /** Runs a graph around the network; the building block of masks inside the graph. */
  run(
    program: Program,
    feeds: ProgramFeeds,
    request: RunOptions & { readonly target: Target | readonly Target[]; readonly score: ScoreKind },
  ): Promise<ProgramResult>;
  /** Evaluations so far; take a difference to count one explanation. */
  readonly counts: EvaluationCounts;
  /** Samples a run of this model takes at once, for forward only and for forward and backward. */
  batchSize(kind: "forward" | "gradient"): number;
  close(): Promise<void>;
}

/** The shape of one image without its batch axis: `[C, H, W]`, of a volume `[C, D, H, W]`. */
export function imageDims(of: Extent & { readonly channels: number }): readonly number[] {
  return [of.channels, ...spatialDims(of)];
}

/** Softmax or sigmoid of a row of logits, with max subtraction, in float64. */
export function probabilities(
  logits: Float32Array | readonly number[],
  kind: "softmax" | "sigmoid",
): Float64Array {
  const result = new Float64Array(logits.length);
  if (kind === "sigmoid") {
    for (let index = 0; index < result.length; index++)
      result[index] = 1 / (1 + Math.exp(-(logits[index] ?? 0)));
    return result;
  }
  let max = -Infinity;
  for (const value of logits) max = Math.max(max, value);
  let sum = 0;
  for (let index = 0; index < result.length; index++) {
    const value = Math.exp((logits[index] ?? 0) - max);
    result[index] = value;
    sum += value;
  }
  for (let index = 0; index < result.length; index++) result[index] = (result[index] ?? 0) / sum;
  return result;
}
