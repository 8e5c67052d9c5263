import { GraphBuilder } from "../../src/graph/graph-builder.ts";
import type { Normalization } from "../../src/image/normalize.ts";
import type { OnnxModel } from "../../src/onnx/model.ts";
import { mersenneStream } from "../../src/random/random-stream.ts";
import { GraphModel } from "../../src/runtime/graph-model.ts";
import { analyseNetwork } from "../../src/runtime/network.ts";
import { tensor, type Tensor } from "../../src/tensor/tensor.ts";
import { inProcessRuntime } from "./in-process-runtime.ts";

/** What a test can choose of a small model. */
export interface SmallModelOptions {
  readonly batchSize?: number;
  readonly labels?: readonly string[];
  readonly normalization?: Normalization;
  readonly layer?: string;
  readonly probabilityKind?: "softmax" | "sigmoid";
}

/** Builds a network for images `[C, H, W]`, volumes `[C, D, H, W]` or signals `[C, L]` with a `GraphBuilder` (input `x`, output `logits`) and loads it, run by ONNX Runtime in this process. */
export function smallModel(
  imageShape: readonly [channels: number, ...space: readonly number[]],
  network: (g: GraphBuilder, x: string) => string,
  options: SmallModelOptions = {},
): GraphModel {
  const g = GraphBuilder.empty(17, "small");
  const x = g.input("x", ["batch", ...imageShape]);
  const [channels] = imageShape;
  g.output(network(g, x), "logits");
  const onnx: OnnxModel = {
    graph: g.build(),
    opsets: new Map([["", 17]]),
    irVersion: 8,
    metadata: new Map(),
    producer: { name: "tests", version: "" },
    functions: new Map(),
    location: "",
    externalLocations: [],
    files: [],
    proto: undefined,
  };
  return new GraphModel({
    onnx,
    network: analyseNetwork(onnx),
    runtime: inProcessRuntime,
    normalization: options.normalization ?? {
      mean: Array.from({ length: channels }, () => 0.5),
      std: Array.from({ length: channels }, () => 0.25),
      channelOrder: channels === 1 ? "gray" : "RGB",
    },
    labels: options.labels,
    probabilityKind: options.probabilityKind,
    batchSize: options.batchSize,
    layer: options.layer,
  });
}

/** Random numbers in a shape, normal with a standard deviation. */
export function randomTensor(dims: readonly number[], deviation: number, seed: number): Tensor {
  const random = mersenneStream(seed);
  const count = dims.reduce((product, dim) => product * dim, 1);
  return tensor(
    Float32Array.from({ length: count }, () => deviation * random.normal()),
    dims,
  );
}

/** A convolution with padding that keeps the size (odd kernels), weights `[out, in, k, k]` (or of another rank), and a bias. */
export function convolution(
  g: GraphBuilder,
  x: string,
  weights: Tensor,
  bias: readonly number[] = [],
): string {
  const kernel = weights.dims.slice(2);
  const pad = kernel.map((size) => (size - 1) / 2);
  const inputs = [x, g.constant(weights), ...(bias.length > 0 ? [g.floats(bias, [bias.length])] : [])];
  return g.node("Conv", inputs, { kernel_shape: kernel, pads: [...pad, ...pad] });
}

/** Global average pooling and a linear layer, weights `[classes, channels]`. */
export function pooledClassifier(g: GraphBuilder, x: string, weights: Tensor): string {
  const flat = g.node("Flatten", [g.node("GlobalAveragePool", [x])], { axis: 1 });
  return g.node("Gemm", [flat, g.constant(weights)], { transB: 1 });
}

/**
 * A convolutional classifier with random weights: `[N, 3, 16, 16]` to 5 classes, two convolutions with ReLU, a max pool
 * between, then global average pooling and a linear layer. Its target layer is `[N, 6, 8, 8]`.
 */
export function smallConvolutionalModel(options: SmallModelOptions = {}): GraphModel {
  return smallModel(
    [3, 16, 16],
    (g, x) => {
      const first = g.unary(
        "Relu",
        convolution(g, x, randomTensor([4, 3, 3, 3], 0.4, 1), [0.1, 0, -0.1, 0.2]),
      );
      const pooled = g.node("MaxPool", [first], { kernel_shape: [2, 2], strides: [2, 2] });
      const second = g.unary(
        "Relu",
        convolution(g, pooled, randomTensor([6, 4, 3, 3], 0.4, 2), [0.1, 0.1, 0, 0, 0.2, 0.1]),
      );
      return pooledClassifier(g, second, randomTensor([5, 6], 0.3, 3));
    },
    options,
  );
}
