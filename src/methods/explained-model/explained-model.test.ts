import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import type { Graph, Shape } from "../../graph/graph.ts";
import { explain, loadModel, type NodeModel } from "../../node.ts";
import { writeModel, writeWholeModel } from "../../onnx/write.ts";
import { mersenneStream } from "../../random/random-stream.ts";
import { tensor, type ElementType, type Tensor } from "../../tensor/tensor.ts";
import { explainedMethods, type ExplainedMethod } from "./explained-methods.ts";
import { explainedModel } from "./explained-model.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "explained-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const random = mersenneStream(5);
const normals = (dims: readonly number[], scale = 0.5): Tensor =>
  tensor(
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => scale * random.normal()),
    dims,
  );

type Build = (g: GraphBuilder, x: string) => string;
const convolutional: Build = (g, x) => {
  const first = g.node("Conv", [x, g.constant(normals([6, 3, 3, 3])), g.constant(normals([6]))], {
    pads: [1, 1, 1, 1],
    strides: [2, 2],
  });
  const second = g.node("Conv", [g.unary("Relu", first), g.constant(normals([8, 6, 3, 3]))], {
    pads: [1, 1, 1, 1],
  });
  const pooled = g.node("Flatten", [g.unary("GlobalAveragePool", g.unary("Relu", second))], { axis: 1 });
  return g.node("Gemm", [pooled, g.constant(normals([8, 4], 2))]);
};

interface Kind {
  readonly dims?: Shape;
  readonly type?: ElementType;
  readonly opset?: number;
}

/** A model on disk with outputs `scores` (of `build`) and, beside it, a second one that must survive. */
function fileOf(
  build: Build,
  { dims = ["batch", 3, 12, 16], type = "float32", opset = 17 }: Kind = {},
): string {
  const g = GraphBuilder.empty(17);
  const scores = build(g, g.input("image", dims, type));
  g.output(scores, "scores");
  g.output(g.node("ArgMax", [scores], { axis: 1 }), "best");
  const path = join(folder, `model-${random.integer(1e9)}.onnx`);
  const graph: Graph = g.build();
  writeFileSync(path, writeModel({ graph, opsets: new Map([["", opset]]), irVersion: 8 }).bytes);
  return path;
}

/** The finished file as another program would open it. */
async function exported(
  model: NodeModel,
  method: ExplainedMethod,
  forward: "shared" | "separate" = "shared",
): Promise<InferenceSession> {
  const { network, onnx, normalization } = model;
  const layer = method.includes("cam") ? model.defaultLayer : undefined;
  const built = explainedModel({
    network,
    declared: onnx.graph,
    declaredOpset: onnx.opsets.get("") ?? 0,
    method,
    layer,
    normalization,
    forward,
  });
  const bytes = writeWholeModel({ ...onnx, graph: built.graph, opsets: new Map([["", built.opset]]) });
  return InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
}

const image = (data: Float32Array, dims: readonly number[]): OrtTensor =>
  new OrtTensor("float32", data, dims);
const target = (...classes: readonly number[]): OrtTensor =>
  new OrtTensor("int64", BigInt64Array.from(classes, BigInt), [classes.length]);

/** Largest difference over the largest magnitude. */
function error(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  const scale = Math.max(...Array.from(expected, Math.abs), 1e-12);
  const differences = Array.from(expected, (value, index) => Math.abs((actual[index] ?? Number.NaN) - value));
  return Math.max(...differences) / scale;
}
const tolerance = 1e-4;

describe("explainedModel", () => {
  it.each(explainedMethods)("gives the map of %s, for each image of a batch", async (method) => {
    const model = await loadModel(fileOf(convolutional), { threads: 1, preprocess: "imagenet" });
    const session = await exported(model, method);
    expect(session.inputNames).toEqual(["image", "target"]);
    expect(session.outputNames).toEqual(["scores", "best", "saliency_map", "explained_class"]);
    const inputs = [normals([1, 3, 12, 16], 1), normals([1, 3, 12, 16], 1)];
    const both = Float32Array.from([...inputs[0]!.data, ...inputs[1]!.data]);
    const result = await session.run({ image: image(both, [2, 3, 12, 16]), target: target(2, -1) });
    const maps = result["saliency_map"]!;
    expect(maps.dims).toEqual([2, 12, 16]);
    for (const [index, input] of inputs.entries()) {
      const { map, record } = await explain({ model, input, method, target: index === 0 ? 2 : "top1" });
      expect(Number(result["explained_class"]!.data[index])).toBe(record.target.index);
      const own = (maps.data as Float32Array).subarray(index * 192, (index + 1) * 192);
      expect(error(own, map.values)).toBeLessThan(tolerance);
      expect(Math.max(...map.values.map(Math.abs))).toBeGreaterThan(0);
    }
    await session.release();
    await model.close();
  });

  it("leaves the outputs of the file as they are, bit for bit", async () => {
    const path = fileOf(convolutional);
    const model = await loadModel(path, { threads: 1 });
    const own = await InferenceSession.create(path, { intraOpNumThreads: 1 });
    const session = await exported(model, "grad-cam");
    const input = image(normals([3, 3, 12, 16], 1).data, [3, 3, 12, 16]);
    const expected = await own.run({ image: input });
    const found = await session.run({ image: input, target: target(-1, -1, -1) });
    for (const name of ["scores", "best"]) expect(found[name]!.data).toEqual(expected[name]!.data);
    await model.close();
  });

  it.each(["grad-cam", "input-x-gradient", "integrated-gradients"] as const)(
    "gives the same map of %s by a forward pass of its own",
    async (method) => {
      const path = fileOf(convolutional);
      const model = await loadModel(path, { threads: 1 });
      const own = await InferenceSession.create(path, { intraOpNumThreads: 1 });
      const session = await exported(model, method, "separate");
      const input = normals([1, 3, 12, 16], 1);
      const feed = image(Float32Array.from([...input.data, ...input.data]), [2, 3, 12, 16]);
      const found = await session.run({ image: feed, target: target(1, 3) });
      const expected = await own.run({ image: feed });
      expect(found["scores"]!.data).toEqual(expected["scores"]!.data);
      for (const [index, of] of [1, 3].entries()) {
        const { map } = await explain({ model, input, method, target: of });
        const values = (found["saliency_map"]!.data as Float32Array).subarray(index * 192, (index + 1) * 192);
        expect(error(values, map.values)).toBeLessThan(tolerance);
      }
      await model.close();
    },
  );

  it("explains files of older opsets, in operators of a newer one", async () => {
    const model = await loadModel(fileOf(convolutional, { opset: 13 }), { threads: 1 });
    const input = normals([1, 3, 12, 16], 1);
    for (const forward of ["shared", "separate"] as const) {
      const session = await exported(model, "wgrad-cam", forward);
      const result = await session.run({ image: image(input.data, input.dims), target: target(0) });
      const { map } = await explain({ model, input, method: "wgrad-cam", target: 0 });
      expect(error(result["saliency_map"]!.data as Float32Array, map.values)).toBeLessThan(tolerance);
      await session.release();
    }
    await model.close();
  });

  it("takes an image without a batch axis where the file does", async () => {
    const unbatched: Build = (g, x) => convolutional(g, g.node("Unsqueeze", [x, g.ints([0])]));
    const model = await loadModel(fileOf(unbatched, { dims: [3, 12, 16] }), { threads: 1 });
    const input = normals([1, 3, 12, 16], 1);
    for (const method of ["grad-cam", "gradient", "integrated-gradients"] as const) {
      const { map } = await explain({ model, input, method, target: 2 });
      for (const forward of ["shared", "separate"] as const) {
        const session = await exported(model, method, forward);
        const result = await session.run({ image: image(input.data, [3, 12, 16]), target: target(2) });
        expect(error(result["saliency_map"]!.data as Float32Array, map.values)).toBeLessThan(tolerance);
        await session.release();
      }
    }
    await model.close();
  });

  it("gives a zero map for an index that is no class", async () => {
    const model = await loadModel(fileOf(convolutional), { threads: 1 });
    const session = await exported(model, "gradient");
    const input = image(normals([1, 3, 12, 16], 1).data, [1, 3, 12, 16]);
    const { saliency_map: map } = await session.run({ image: input, target: target(99) });
    expect((map!.data as Float32Array).every((value) => value === 0)).toBe(true);
    await model.close();
  });

  it("keeps bytes in channels-last order as its input, and explains at the pixels", async () => {
    const phone: Build = (g, x) =>
      convolutional(g, g.transpose(g.sub(g.div(g.cast(x, "float32"), 127.5), 1), [0, 3, 1, 2]));
    const path = fileOf(phone, { dims: ["batch", 12, 16, 3], type: "uint8" });
    const model = await loadModel(path, { threads: 1 });
    const bytes = Uint8Array.from({ length: 576 }, () => random.integer(256));
    const planar = Float32Array.from(
      { length: 576 },
      (_, index) => bytes[(index % 192) * 3 + Math.floor(index / 192)]!,
    );
    for (const method of ["layer-cam", "input-x-gradient", "integrated-gradients"] as const) {
      const session = await exported(model, method);
      const result = await session.run({
        image: new OrtTensor("uint8", bytes, [1, 12, 16, 3]),
        target: target(1),
      });
      const { map } = await explain({ model, input: tensor(planar, [1, 3, 12, 16]), method, target: 1 });
      expect(error(result["saliency_map"]!.data as Float32Array, map.values)).toBeLessThan(tolerance);
      await session.release();
    }
    await model.close();
  });

  it("explains both directions of one output before its sigmoid", async () => {
    const binary: Build = (g, x) =>
      g.unary("Sigmoid", g.node("Gemm", [convolutional(g, x), g.constant(normals([4, 1]))]));
    const model = await loadModel(fileOf(binary), { threads: 1 });
    const session = await exported(model, "input-x-gradient");
    const input = normals([1, 3, 12, 16], 1);
    for (const index of [0, 1]) {
      const result = await session.run({ image: image(input.data, input.dims), target: target(index) });
      const { map } = await explain({ model, input, method: "input-x-gradient", target: index });
      expect(error(result["saliency_map"]!.data as Float32Array, map.values)).toBeLessThan(tolerance);
    }
    await model.close();
  });

  it("puts tokens back in their grid", async () => {
    const tokens: Build = (g, x) => {
      const patches = g.node("Conv", [x, g.constant(normals([6, 3, 4, 4]))], { strides: [4, 4] });
      const grid = g.transpose(g.reshape(patches, ["batch", 6, 12]), [0, 2, 1]);
      const lead = g.reduce("ReduceMean", grid, [1]);
      const all = g.unary("Relu", g.matmul(g.concat([lead, grid], 1), g.constant(normals([6, 8], 1))));
      return g.matmul(g.reduce("ReduceMean", all, [1], false), g.constant(normals([8, 4], 2)));
    };
    const model = await loadModel(fileOf(tokens), { threads: 1 });
    expect(model.defaultLayer).toMatchObject({ layout: "tokens", prefixTokens: 1, height: 3, width: 4 });
    const session = await exported(model, "hires-cam");
    const input = normals([1, 3, 12, 16], 1);
    const result = await session.run({ image: image(input.data, input.dims), target: target(3) });
    const { map } = await explain({ model, input, method: "hires-cam", target: 3 });
    expect(error(result["saliency_map"]!.data as Float32Array, map.values)).toBeLessThan(tolerance);
    await model.close();
  });

  it("asks for a layer where the method needs one", async () => {
    const model = await loadModel(fileOf(convolutional), { threads: 1 });
    const { network, onnx, normalization } = model;
    expect(() =>
      explainedModel({
        network,
        declared: onnx.graph,
        declaredOpset: onnx.opsets.get("") ?? 0,
        method: "grad-cam",
        normalization,
      }),
    ).toThrow("layer: expected one for grad-cam, got none.");
    await model.close();
  });
});
