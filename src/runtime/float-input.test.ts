import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { readModel } from "../onnx/read.ts";
import { writeModel } from "../onnx/write.ts";
import { inProcessRuntime } from "../../tests/support/in-process-runtime.ts";
import { randomTensor } from "../../tests/support/small-model.ts";
import { tensor } from "../tensor/tensor.ts";
import { GraphModel } from "./graph-model.ts";
import { analyseNetwork } from "./network.ts";

const byte = (g: GraphBuilder, value: number): string =>
  g.constant({ type: "uint8", dims: [], data: Uint8Array.of(value) });

/** A classifier of bytes `[batch, 3, 8, 8]`. */
function modelOfBytes(first: (g: GraphBuilder, x: string) => string): GraphModel {
  const g = GraphBuilder.empty(17);
  const features = first(g, g.input("x", ["batch", 3, 8, 8], "uint8"));
  const flat = g.node("Flatten", [g.node("GlobalAveragePool", [features])], { axis: 1 });
  const width = g.size(flat, 1);
  g.output(g.matmul(flat, g.constant(randomTensor([width, 4], 1, 3))), "logits");
  const onnx: OnnxModel = readModel(
    writeModel({ graph: g.build(), opsets: new Map([["", 17]]), irVersion: 8 }).bytes,
  );
  return new GraphModel({
    onnx,
    network: analyseNetwork(onnx),
    runtime: inProcessRuntime,
    normalization: { mean: [0], std: [1 / 255], channelOrder: "RGB" },
  });
}

const image = tensor(
  Float32Array.from({ length: 192 }, (_, index) => (index * 37) % 200),
  [1, 3, 8, 8],
);

describe("an image of bytes", () => {
  it("is fed as floats where the file dequantises it", async () => {
    const model = modelOfBytes((g, x) =>
      g.node("DequantizeLinear", [
        g.transpose(g.transpose(x, [0, 2, 3, 1]), [0, 3, 1, 2]),
        g.scalar(0.02),
        byte(g, 128),
      ]),
    );
    const { gradient } = await model.gradient(image, { target: { index: 1 } });
    const weights = randomTensor([3, 4], 1, 3).data;
    gradient?.data.forEach((value, index) => {
      expect(value).toBeCloseTo(((weights[Math.floor(index / 64) * 4 + 1] ?? 0) * 0.02) / 64, 6);
    });
    expect(model.notes.join()).toMatch(/goes in as uint8; it is fed as float32/);
    await model.close();
  });

  it("is quantised in the graph where the first operator is quantised arithmetic", async () => {
    const model = modelOfBytes((g, x) => {
      const weight = Int8Array.from({ length: 18 }, (_, index) => ((index * 29) % 120) - 60);
      const y = g.node(
        "QLinearConv",
        [
          x,
          g.scalar(0.02),
          byte(g, 128),
          g.constant({ type: "int8", dims: [6, 3, 1, 1], data: weight }),
          g.scalar(0.01),
          g.constant({ type: "int8", dims: [], data: Int8Array.of(0) }),
          g.scalar(0.05),
          byte(g, 128),
        ],
        { kernel_shape: [1, 1] },
      );
      return g.node("DequantizeLinear", [y, g.scalar(0.05), byte(g, 128)]);
    });
    const { gradient, logits } = await model.gradient(image, { target: { index: 1 } });
    const brighter = { ...image, data: image.data.map((value) => value + 20) };
    const change = ((await model.logits(brighter)).data[1] ?? 0) - (logits.data[1] ?? 0);
    const slope = 20 * (gradient?.data.reduce((sum, value) => sum + value, 0) ?? 0);
    // Rounding aside the network is linear.
    expect(Math.abs(change / slope - 1)).toBeLessThan(0.1);
    await model.close();
  });
});
