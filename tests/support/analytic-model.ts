import { ModelError } from "../../src/errors.ts";
import type { Normalization } from "../../src/image/normalize.ts";
import {
  probabilities,
  type GradientRequest,
  type GradientResult,
  type Layer,
  type Model,
  type ScoreKind,
  type Target,
} from "../../src/runtime/model.ts";
import { batchItem, concatBatch, tensor, type Tensor } from "../../src/tensor/tensor.ts";

/** A network given by formulas, in float64: for tests whose answer is known without a runtime. */
export interface AnalyticNetwork {
  readonly channels?: number;
  readonly height?: number;
  readonly width?: number;
  readonly labels?: readonly string[];
  readonly normalization?: Normalization;
  readonly probabilityKind?: "softmax" | "sigmoid";
  readonly batchSize?: number;
  /** Logits of one image (`C * H * W` numbers). */
  logits(x: Float32Array): readonly number[];
  /** d (sum of cotangent times logits) / d x. */
  gradient?(x: Float32Array, cotangent: readonly number[]): readonly number[];
  readonly layer?: {
    readonly channels: number;
    readonly height: number;
    readonly width: number;
    activations(x: Float32Array): readonly number[];
    gradients(x: Float32Array, cotangent: readonly number[]): readonly number[];
  };
}

/** A `Model` around formulas. It has one layer, `features`, if the network has one; it cannot run programs. */
export function analyticModel(network: AnalyticNetwork): Model {
  const { channels = 1, height = 1, width = network.layer === undefined ? 1 : 4 } = network;
  const probabilityKind = network.probabilityKind ?? "softmax";
  const counts = { forward: 0, gradient: 0 };
  const layer: Layer | undefined = network.layer && {
    name: "features",
    channels: network.layer.channels,
    height: network.layer.height,
    width: network.layer.width,
    layout: "NCHW",
  };
  const findLayer = (name: string): Layer => {
    if (layer?.name !== name) throw new ModelError(`layer: no value named '${name}'.`);
    return layer;
  };
  const items = (images: Tensor): readonly Float32Array[] =>
    Array.from({ length: images.dims[0] ?? 0 }, (_, index) => batchItem(images, index).data);
  const targetOf = (target: Target | readonly Target[], index: number): Target => {
    const found = Array.isArray(target) ? (target as readonly Target[])[index] : (target as Target);
    if (found === undefined) throw new RangeError("one target an image");
    return found;
  };
  const logitsOf = (images: Tensor): Tensor => {
    const rows = items(images).map((x) => tensor([...network.logits(x)], [1, network.logits(x).length]));
    return concatBatch(rows);
  };

  return {
    channels,
    height,
    width,
    classCount: network.logits(new Float32Array(channels * height * width)).length,
    labels: network.labels,
    probabilityKind,
    normalization: network.normalization ?? { mean: [0], std: [1], channelOrder: "RGB" },
    get defaultLayer() {
      if (layer === undefined) throw new ModelError("layer: the network has none.");
      return layer;
    },
    tappedLayer: () => findLayer("features"),
    layer: findLayer,
    async logits(images) {
      counts.forward += images.dims[0] ?? 0;
      return logitsOf(images);
    },
    async scores(images, target, kind) {
      counts.forward += images.dims[0] ?? 0;
      return Float64Array.from(
        items(images),
        (x, index) =>
          scoreAndCotangent(network.logits(x), targetOf(target, index), kind, probabilityKind).score,
      );
    },
    async gradient(images: Tensor, request: GradientRequest): Promise<GradientResult> {
      const parts = items(images).map((x, index) => ({
        x,
        ...scoreAndCotangent(
          network.logits(x),
          targetOf(request.target, index),
          request.score ?? "logit",
          probabilityKind,
        ),
      }));
      counts.gradient += parts.length;
      const names = request.layers ?? [];
      names.forEach(findLayer);
      const join = (rows: readonly (readonly number[])[], dims: readonly number[]): Tensor =>
        tensor(
          rows.flatMap((row) => [...row]),
          [rows.length, ...dims],
        );
      const layerDims = layer ? [layer.channels, layer.height, layer.width] : [];
      return {
        scores: Float64Array.from(parts, (part) => part.score),
        logits: logitsOf(images),
        ...(request.input !== false && {
          gradient: join(
            parts.map((part) => network.gradient?.(part.x, part.cotangent) ?? []),
            [channels, height, width],
          ),
        }),
        activations: names.map(() =>
          join(
            parts.map((part) => network.layer?.activations(part.x) ?? []),
            layerDims,
          ),
        ),
        layerGradients: names.map(() =>
          join(
            parts.map((part) => network.layer?.gradients(part.x, part.cotangent) ?? []),
            layerDims,
          ),
        ),
      };
    },
    async activations(images, layers) {
      layers.forEach(findLayer);
      counts.forward += images.dims[0] ?? 0;
      const values = items(images).flatMap((x) => [...(network.layer?.activations(x) ?? [])]);
      return layers.map(() =>
        tensor(values, [images.dims[0] ?? 0, layer?.channels ?? 0, layer?.height ?? 0, layer?.width ?? 0]),
      );
    },
    run: () => Promise.reject(new Error("an analytic model runs no programs")),
    get counts() {
      return { ...counts };
    },
    batchSize: () => network.batchSize ?? 4,
    close: async () => {},
  };
}

function scoreAndCotangent(
  logits: readonly number[],
  target: Target,
  kind: ScoreKind,
  probabilityKind: "softmax" | "sigmoid",
): { score: number; cotangent: readonly number[] } {
  const p = probabilities(logits, probabilityKind);
  const one = (index: number): { score: number; cotangent: readonly number[] } => {
    const own = p[index] ?? 0;
    if (kind === "logit")
      return { score: logits[index] ?? 0, cotangent: logits.map((_, other) => (other === index ? 1 : 0)) };
    const factor = kind === "probability" ? own : 1;
    const cotangent = logits.map((_, other) =>
      probabilityKind === "softmax"
        ? factor * ((other === index ? 1 : 0) - (p[other] ?? 0))
        : other === index
          ? factor * (1 - own)
          : 0,
    );
    return { score: kind === "probability" ? own : Math.log(own), cotangent };
  };
  const first = one(target.index);
  if (target.minus === undefined) return first;
  const second = one(target.minus);
  return {
    score: first.score - second.score,
    cotangent: first.cotangent.map((value, index) => value - (second.cotangent[index] ?? 0)),
  };
}
