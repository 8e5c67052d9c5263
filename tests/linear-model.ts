import * as ort from "onnxruntime-node";
import { GraphBuilder } from "../src/graph/graph-builder.ts";
import type { Normalization } from "../src/image/normalize.ts";
import { writeModel } from "../src/onnx/write.ts";
import {
  probabilities,
  type Layer,
  type Model,
  type Program,
  type ProgramFeeds,
  type ProgramResult,
  type ScoreKind,
  type Target,
} from "../src/runtime/model.ts";
import { tensor, type AnyTensor, type Tensor } from "../src/tensor/tensor.ts";

export interface LinearModelOptions {
  readonly channels?: number;
  readonly height: number;
  readonly width: number;
  /** One row of `channels * height * width` weights a class. */
  readonly weights: readonly (readonly number[])[];
  /** Default: pixel and input space are the same. */
  readonly normalization?: Normalization;
}

/**
 * A linear classifier `logits = W x` behind the whole `Model` interface that metrics use, run by ONNX Runtime: what
 * metrics must give for it is known in closed form. Classes are sigmoid-scored.
 */
export function linearModel(options: LinearModelOptions): Model {
  const { channels = 1, height, width, weights } = options;
  const classCount = weights.length;
  const counts = { forward: 0, gradient: 0 };
  const sessions = new Map<string, Promise<ort.InferenceSession>>();

  const open = (program: Program): Promise<ort.InferenceSession> => {
    const g = GraphBuilder.empty();
    const image = program.prologue?.(g) ?? g.input("image", ["batch", channels, height, width]);
    const flat = g.reshape(image, ["batch", channels * height * width]);
    const matrix = tensor(weights.flat(), [classCount, channels * height * width]);
    g.output(g.node("Gemm", [flat, g.constant(matrix)], { transB: 1 }), "logits");
    const { bytes } = writeModel({ graph: g.build(), opsets: new Map([["", 17]]) });
    return ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  };
  const logitsOf = async (program: Program, feeds: ProgramFeeds): Promise<Tensor> => {
    if (!sessions.has(program.key)) sessions.set(program.key, open(program));
    const session = await sessions.get(program.key);
    const all: Record<string, ort.Tensor> = {};
    for (const [name, value] of Object.entries({ ...feeds.shared, ...feeds.batched }))
      all[name] = toOrt(value);
    const result = await session?.run(all);
    const data = result?.["logits"]?.data as Float32Array;
    counts.forward += data.length / classCount;
    return tensor(Float32Array.from(data), [data.length / classCount, classCount]);
  };
  const scoresOf = (logits: Tensor, target: Target | readonly Target[], kind: ScoreKind): Float64Array =>
    Float64Array.from({ length: logits.dims[0] ?? 0 }, (_, sample) => {
      const { index } = Array.isArray(target)
        ? ((target as readonly Target[])[sample] as Target)
        : (target as Target);
      const row = logits.data.subarray(sample * classCount, (sample + 1) * classCount);
      const probability = probabilities(row, "sigmoid")[index] ?? NaN;
      return kind === "logit"
        ? (row[index] ?? NaN)
        : kind === "probability"
          ? probability
          : Math.log(probability);
    });
  const refuse = (): never => {
    throw new Error("Internal error: the linear model of the tests is forward only");
  };

  const model: Model = {
    channels,
    height,
    width,
    classCount,
    labels: undefined,
    probabilityKind: "sigmoid",
    normalization: options.normalization ?? { mean: [0], std: [1], channelOrder: "RGB" },
    get defaultLayer(): Layer {
      return refuse();
    },
    layer: refuse,
    tappedLayer: refuse,
    logits: (images) => logitsOf({ key: "logits" }, { batched: { image: images } }),
    scores: async (images, target, kind) =>
      scoresOf(await logitsOf({ key: "logits" }, { batched: { image: images } }), target, kind),
    gradient: refuse,
    activations: refuse,
    async run(program, feeds, { target, score }): Promise<ProgramResult> {
      const logits = await logitsOf(program, feeds);
      return { logits, scores: scoresOf(logits, target, score), outputs: {} };
    },
    counts,
    batchSize: () => 64,
    close: async () => {
      for (const session of sessions.values()) await (await session).release();
    },
  };
  return model;
}

function toOrt(value: AnyTensor): ort.Tensor {
  return new ort.Tensor("float32", value.data as Float32Array, [...value.dims]);
}

/** A batch of images in which every value is the same. */
export function uniformImage(model: Model, value: number): Tensor {
  const count = model.channels * model.height * model.width;
  return tensor(new Float32Array(count).fill(value), [1, model.channels, model.height, model.width]);
}
