import { GraphBuilder } from "../../src/graph/graph-builder.ts";
import type { Normalization } from "../../src/image/normalize.ts";
import { readModel } from "../../src/onnx/read.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { GraphModel } from "../../src/runtime/graph-model.ts";
import { analyseNetwork } from "../../src/runtime/network.ts";
import { NodeRuntime } from "../../src/runtime/session-node.ts";
import { tensor, type Tensor } from "../../src/tensor/tensor.ts";

/** A model made of nodes in a test, on ONNX Runtime. `build` gets the input `[batch, C, H, W]` and returns the logits. */
export function modelOf(
  [channels, height, width]: readonly [number, number, number],
  build: (g: GraphBuilder, image: string) => string,
  options: { readonly batchSize?: number; readonly normalization?: Normalization } = {},
): GraphModel {
  const g = GraphBuilder.empty(17);
  g.output(build(g, g.input("image", ["batch", channels, height, width])), "logits");
  const { bytes } = writeModel({ graph: g.build(), opsets: new Map([["", 17]]), irVersion: 8 });
  const onnx = readModel(bytes);
  return new GraphModel({
    onnx,
    network: analyseNetwork(onnx),
    runtime: new NodeRuntime({ threads: 1 }),
    normalization: { mean: [0.5], std: [0.25], channelOrder: "RGB" },
    ...options,
  });
}

/** Random weights of a given shape, scaled by the square root of the fan-in. */
export function weights(dims: readonly number[], draw: () => number): Tensor {
  const count = dims.reduce((a, b) => a * b, 1);
  const scale = 1 / Math.sqrt(count / (dims[0] ?? 1));
  return tensor(
    Float32Array.from({ length: count }, () => scale * draw()),
    dims,
  );
}

/** Two convolutions with ReLU, global average pooling and a linear layer: the shape of most classifiers. */
export function smallConvolutional(
  draw: () => number,
  options: { readonly batchSize?: number } = {},
): GraphModel {
  return modelOf(
    [3, 16, 16],
    (g, image) => {
      const conv = (x: string, dims: readonly number[], strides: readonly number[]): string =>
        g.unary(
          "Relu",
          g.node("Conv", [x, g.constant(weights(dims, draw))], { pads: [1, 1, 1, 1], strides }),
        );
      const features = conv(conv(image, [8, 3, 3, 3], [2, 2]), [6, 8, 3, 3], [2, 2]);
      const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [features])], { axis: 1 });
      return g.matmul(pooled, g.constant(weights([6, 5], () => 12 * draw())));
    },
    options,
  );
}
