import { afterAll, describe, expect, it } from "vitest";
import {
  pooledClassifier,
  randomTensor,
  smallConvolutionalModel,
  smallModel,
} from "../../tests/support/small-model.ts";
import { explain, type Explanation } from "../methods/explain.ts";
import { concatBatch, tensor, type Tensor } from "../tensor/tensor.ts";
import { GraphModel } from "./graph-model.ts";
import { analyseNetwork } from "./network.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { inProcessRuntime } from "../../tests/support/in-process-runtime.ts";
import type { Program } from "./model.ts";

const opened: GraphModel[] = [];
const kept = (model: GraphModel): GraphModel => {
  opened.push(model);
  return model;
};
afterAll(() => Promise.all(opened.map((model) => model.close())));

/** logits = W x, so every gradient is a row of W. */
const weights = [1, -2, 3, 0.5, 0, 4];
const linear = (options = {}): GraphModel =>
  kept(
    smallModel(
      [1, 1, 2],
      (g, x) =>
        g.node("Gemm", [g.node("Flatten", [x], { axis: 1 }), g.floats(weights, [3, 2])], { transB: 1 }),
      options,
    ),
  );
const pixels = (...values: number[]): Tensor => tensor(values, [values.length / 2, 1, 1, 2]);
const softmax = (logits: readonly number[]): readonly number[] => {
  const powers = logits.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
};

describe("GraphModel", () => {
  it("gives logits and the three kinds of scores", async () => {
    const model = linear();
    const image = pixels(0.2, 0.1);
    const logits = [0, 0.65, 0.4];
    expect(Array.from((await model.logits(image)).data, (value) => Number(value.toFixed(6)))).toEqual(logits);
    const p = softmax(logits);
    const at = async (kind: "logit" | "probability" | "log-probability"): Promise<number> =>
      (await model.scores(image, { index: 1 }, kind))[0] ?? Number.NaN;
    expect(await at("logit")).toBeCloseTo(0.65, 6);
    expect(await at("probability")).toBeCloseTo(p[1] ?? 0, 6);
    expect(await at("log-probability")).toBeCloseTo(Math.log(p[1] ?? 0), 6);
  });

  it("differentiates the logit, the probability and its logarithm, without a further session", async () => {
    const model = linear();
    const image = pixels(0.2, 0.1);
    const p = softmax([0, 0.65, 0.4]);
    const mean = [0, 1].map((pixel) =>
      p.reduce((sum, value, k) => sum + value * (weights[2 * k + pixel] ?? 0), 0),
    );
    const row = [3, 0.5];
    const gradient = async (score: "logit" | "probability" | "log-probability"): Promise<readonly number[]> =>
      Array.from((await model.gradient(image, { target: { index: 1 }, score })).gradient?.data ?? []);
    expect(await gradient("logit")).toEqual(row);
    (await gradient("log-probability")).forEach((value, i) =>
      expect(value).toBeCloseTo((row[i] ?? 0) - (mean[i] ?? 0), 5),
    );
    (await gradient("probability")).forEach((value, i) =>
      expect(value).toBeCloseTo((p[1] ?? 0) * ((row[i] ?? 0) - (mean[i] ?? 0)), 5),
    );
  });

  it("explains the difference of two classes, and another class for each image", async () => {
    const model = linear();
    const contrast = await model.gradient(pixels(1, 1), { target: { index: 1, minus: 0 } });
    expect(Array.from(contrast.gradient?.data ?? [])).toEqual([2, 2.5]);
    expect(contrast.scores[0]).toBeCloseTo(4.5, 6);
    const mixed = await model.gradient(pixels(1, 1, 2, 2), { target: [{ index: 0 }, { index: 2 }] });
    expect(Array.from(mixed.gradient?.data ?? [])).toEqual([1, -2, 0, 4]);
    expect(Array.from(mixed.scores)).toEqual([-1, 8]);
  });

  it("makes a single output a pair of classes with opposite scores", async () => {
    const model = kept(
      smallModel([1, 1, 2], (g, x) =>
        g.unary(
          "Sigmoid",
          g.node("Gemm", [g.node("Flatten", [x], { axis: 1 }), g.floats([2, -1], [1, 2])], { transB: 1 }),
        ),
      ),
    );
    expect([model.classCount, model.probabilityKind]).toEqual([2, "sigmoid"]);
    const image = pixels(0.5, 0);
    const [negative, positive] = [
      await model.gradient(image, { target: { index: 0 } }),
      await model.gradient(image, { target: { index: 1 } }),
    ];
    expect(Array.from(positive.gradient?.data ?? [])).toEqual([2, -1]);
    expect(Array.from(negative.gradient?.data ?? [])).toEqual([-2, 1]);
    const p = await model.scores(concatBatch([image, image]), [{ index: 0 }, { index: 1 }], "probability");
    expect((p[0] ?? 0) + (p[1] ?? 0)).toBeCloseTo(1, 6);
  });

  it("gives activations and gradients of layers, and no gradient of the image where it is not wanted", async () => {
    const model = kept(smallConvolutionalModel());
    const image = randomTensor([2, 3, 16, 16], 1, 5);
    const layer = model.defaultLayer;
    expect([layer.channels, layer.height, layer.width, layer.layout]).toEqual([6, 8, 8, "NCHW"]);
    const result = await model.gradient(image, { target: { index: 1 }, layers: [layer.name], input: false });
    expect(result.gradient).toBeUndefined();
    expect(result.activations[0]?.dims).toEqual([2, 6, 8, 8]);
    expect(result.layerGradients[0]?.dims).toEqual([2, 6, 8, 8]);
    const [forward] = await model.activations(image, [layer.name]);
    expect(forward?.data).toEqual(result.activations[0]?.data);
  });

  it("starts at a layer: its activation gives the same logits as the image", async () => {
    const model = kept(smallConvolutionalModel());
    const image = randomTensor([2, 3, 16, 16], 1, 5);
    const { name } = model.defaultLayer;
    const [activation] = await model.activations(image, [name]);
    if (activation === undefined) throw new Error("no activation");
    const program: Program = { key: "tail", start: name, outputs: [] };
    const request = { target: { index: 0 }, score: "logit" } as const;
    const { logits } = await model.run(program, { batched: { activation } }, request);
    const whole = await model.logits(image);
    logits.data.forEach((value, index) => expect(value).toBeCloseTo(whole.data[index] ?? Number.NaN, 5));
  });

  it("gives the same numbers for every batch size", async () => {
    const image = randomTensor([9, 3, 16, 16], 1, 6);
    const results = await Promise.all(
      [1, 4, 9].map((batchSize) =>
        kept(smallConvolutionalModel({ batchSize })).gradient(image, { target: { index: 2 } }),
      ),
    );
    for (const { gradient, scores } of results) {
      expect(gradient?.data).toEqual(results[0]?.gradient?.data);
      expect(scores).toEqual(results[0]?.scores);
    }
  });

  it("lets images that are explained at once share batches, with the same maps and counts as one by one", async () => {
    const images = [1, 2, 3].map((seed) => randomTensor([1, 3, 16, 16], 1, seed));
    const params = { iterations: 3, steps: 5, size: 4, kernel: 5 };
    const request = { method: "i-gos", params, target: 1, seed: 4 } as const;
    const alone = kept(smallConvolutionalModel({ batchSize: 8 }));
    const single: Explanation[] = [];
    for (const input of images) single.push(await explain({ ...request, model: alone, input }));
    const shared = kept(smallConvolutionalModel({ batchSize: 8 }));
    const together = await Promise.all(images.map((input) => explain({ ...request, model: shared, input })));
    together.forEach(({ map, record }, index) => {
      const expected = single[index];
      expect(record.counts).toEqual(expected?.record.counts);
      map.values.forEach((value, pixel) =>
        expect(value).toBeCloseTo(expected?.map.values[pixel] ?? Number.NaN, 4),
      );
    });
  });

  it("takes an average pool with a window of one for what it is", () => {
    const model = kept(
      smallModel([2, 4, 4], (g, x) => {
        const relu = g.unary("Relu", x);
        const pooled = g.node("AveragePool", [relu], { kernel_shape: [1, 1] });
        return pooledClassifier(g, pooled, randomTensor([3, 2], 1, 1));
      }),
    );
    expect(model.defaultLayer.name).toContain("Relu");
    expect(model.tappedLayer("after-activation").name).toBe(model.defaultLayer.name);
  });

  it("says what is wrong with an input, a class or a layer", async () => {
    const model = linear();
    await expect(model.logits(tensor([1, 2, 3, 4], [1, 1, 2, 2]))).rejects.toThrow(
      "input: expected [N, 1, 1, 2], got [1, 1, 2, 2].",
    );
    await expect(model.logits(pixels(1, Number.NaN))).rejects.toThrow(
      "input: expected finite numbers, got NaN at element 1.",
    );
    await expect(model.gradient(pixels(1, 1), { target: { index: 3 } })).rejects.toThrow(
      "target: expected a class index from 0 to 2, got 3.",
    );
    expect(() => model.defaultLayer).toThrow("no value with a grid");
    expect(() => model.layer("nothing")).toThrow(/^layer: no value or node named 'nothing'. Nearest: /);
  });

  it("stops at once when the signal fires, and works afterwards", async () => {
    const model = kept(smallConvolutionalModel({ batchSize: 1 }));
    const controller = new AbortController();
    const run = model.logits(randomTensor([50, 3, 16, 16], 1, 1), { signal: controller.signal });
    controller.abort();
    await expect(run).rejects.toThrow("stopped");
    expect((await model.logits(randomTensor([1, 3, 16, 16], 1, 1))).dims).toEqual([1, 5]);
  });
});

describe("GraphModel at other sizes", () => {
  it("makes one graph a size for a file with dynamic height and width", async () => {
    const model = kept(smallConvolutionalModel());
    const sized = kept(
      new GraphModel({
        onnx: model.onnx,
        network: model.network,
        runtime: inProcessRuntime,
        normalization: model.normalization,
        analyse: ([height, width]) => analyseNetwork(withDynamicSize(model.onnx), { size: [height, width] }),
      }),
    );
    const wide = await sized.atSize(16, 24);
    expect([wide.height, wide.width, wide.defaultLayer.width]).toEqual([16, 24, 12]);
    expect(await sized.atSize(16, 24)).toBe(wide);
    expect(await sized.atSize(16, 16)).toBe(sized);
    const { gradient } = await wide.gradient(randomTensor([1, 3, 16, 24], 1, 1), { target: { index: 0 } });
    expect(gradient?.dims).toEqual([1, 3, 16, 24]);
  });

  it("refuses a size that the file fixes otherwise", () => {
    const model = kept(smallConvolutionalModel());
    expect(() => model.atSize(32, 32)).toThrow("size: expected 16 x 16");
  });
});

function withDynamicSize(onnx: OnnxModel): OnnxModel {
  const inputs = onnx.graph.inputs.map((input) => ({ ...input, dims: ["batch", 3, "height", "width"] }));
  return { ...onnx, graph: { ...onnx.graph, inputs, valueInfo: new Map() } };
}
