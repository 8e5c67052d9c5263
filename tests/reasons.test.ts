import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { tryPreprocessings } from "../src/cli/inspect-image.ts";
import { GraphBuilder } from "../src/graph/graph-builder.ts";
import type { Graph, Shape } from "../src/graph/graph.ts";
import { explain, loadImage, loadModel, type Explanation } from "../src/node.ts";
import type { LoadModelOptions, NodeModel } from "../src/node.ts";
import { readModel } from "../src/onnx/read.ts";
import { writeModel } from "../src/onnx/write.ts";
import { mersenneStream } from "../src/random/random-stream.ts";
import { writeModelFile } from "../src/runtime/write-model-node.ts";
import { tensor, type Tensor } from "../src/tensor/tensor.ts";

/**
 * What people report of classifiers and maps, each rebuilt as a small file, with the map and the sentence that a user of
 * this program gets for it.
 */
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "reasons-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open: NodeModel[] = [];
afterEach(async () => {
  for (const model of open.splice(0)) await model.close();
});

let fileCount = 0;
async function load(graph: Graph, options: LoadModelOptions = {}, irVersion = 8): Promise<NodeModel> {
  const path = join(folder, `model-${fileCount++}.onnx`);
  writeFileSync(path, writeModel({ graph, opsets: new Map([["", 17]]), irVersion }).bytes);
  const model = await loadModel(path, { threads: 1, preprocess: "zero-to-one", ...options });
  open.push(model);
  return model;
}

type Build = (g: GraphBuilder, x: string) => string;
const graphOf = (build: Build, dims: Shape = ["batch", 3, 8, 8]): Graph => {
  const g = GraphBuilder.empty(17);
  g.output(build(g, g.input("image", dims)), "scores");
  return g.build();
};

/** Random numbers, the same for a seed. */
function normals(dims: readonly number[], seed: number, map = (value: number): number => value): Tensor {
  const random = mersenneStream(seed);
  return tensor(
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => map(random.normal())),
    dims,
  );
}
const conv = (g: GraphBuilder, x: string, weights: Tensor, bias = 0): string =>
  g.node(
    "Conv",
    [
      x,
      g.constant(weights),
      g.floats(
        Array.from({ length: weights.dims[0] ?? 0 }, () => bias),
        [weights.dims[0] ?? 0],
      ),
    ],
    { pads: [1, 1, 1, 1] },
  );
const features: Build = (g, x) => g.unary("Relu", conv(g, x, normals([4, 3, 3, 3], 1), 0.1));
const pooled: Build = (g, x) => g.node("Flatten", [g.unary("GlobalAveragePool", x)], { axis: 1 });
const linear = (g: GraphBuilder, x: string, weights: Tensor): string =>
  g.node("Gemm", [x, g.constant(weights)], { transB: 1 });
const classifier: Build = (g, x) => linear(g, pooled(g, features(g, x)), normals([3, 4], 2));

const picture = (seed = 3, dims: readonly number[] = [1, 3, 8, 8]): Tensor =>
  normals(dims, seed, (value) => 1 / (1 + Math.exp(-value)));
const isFinite = ({ map }: Explanation): boolean => map.values.every((value) => Number.isFinite(value));
const isZero = ({ map }: Explanation): boolean => map.values.every((value) => value === 0);

describe("blank and odd maps", () => {
  it("explains the logit where the softmax is saturated, and says so", async () => {
    const saturated = graphOf((g, x) => g.node("Softmax", [g.mul(classifier(g, x), 1000)], { axis: -1 }));
    const model = await load(saturated);
    const found = await explain({ model, input: picture(), method: "grad-cam" });
    expect(found.record.score.probability).toBe(1);
    expect(isZero(found)).toBe(false);
    expect(found.record.degenerate).toBeUndefined();
    expect(found.record.notes).toEqual([
      "The softmax is saturated (probability 1.00000), so its gradient vanishes: the logit before it was explained.",
    ]);
  });

  it("says what to do where the probability itself was asked for", async () => {
    const model = await load(graphOf((g, x) => g.mul(classifier(g, x), 1000)));
    const found = await explain({
      model,
      input: picture(),
      method: "grad-cam",
      params: { score: "probability" },
    });
    expect(isZero(found)).toBe(true);
    expect(found.record.degenerate?.message).toContain(
      "so near its limit that its gradient is zero. Use score=logit.",
    );
  });

  it("gives a zero map, its reason and the signed map where all weights are negative", async () => {
    const model = await load(
      graphOf((g, x) =>
        linear(
          g,
          pooled(g, features(g, x)),
          normals([3, 4], 2, (value) => -Math.abs(value)),
        ),
      ),
    );
    const found = await explain({ model, input: picture(), method: "grad-cam" });
    expect(isZero(found)).toBe(true);
    expect(found.record.degenerate).toMatchObject({
      code: "all-weights-negative",
      message: expect.stringContaining("No channel of layer"),
    });
    expect(found.record.degenerate?.message).toContain("look at the signed map");
    expect(Math.min(...(found.map.native?.values ?? []))).toBeLessThan(0);
  });

  it("names a layer that is dead", async () => {
    const model = await load(
      graphOf((g, x) =>
        linear(g, pooled(g, g.unary("Relu", conv(g, x, normals([4, 3, 3, 3], 1), -100))), normals([3, 4], 2)),
      ),
    );
    const found = await explain({ model, input: picture(), method: "grad-cam" });
    expect(isZero(found)).toBe(true);
    expect(found.record.degenerate).toMatchObject({ code: "dead-layer" });
    expect(found.record.degenerate?.message).toMatch(
      /^All activations of layer '.*' are 0.*Choose another layer\.$/,
    );
  });

  it("says that a layer of one place points nowhere, and takes none by itself", async () => {
    const model = await load(graphOf((g, x) => linear(g, pooled(g, x), normals([3, 3], 2))));
    await expect(explain({ model, input: picture(), method: "grad-cam" })).rejects.toThrow(
      /no value with a grid over the image.*Use a method without layers, such as integrated-gradients, xrai or rise/,
    );
  });

  it("says that the network overflows rather than drawing NaN", async () => {
    const overflowing = graphOf((g, x) => {
      const values = g.unary("Relu", g.mul(x, 1e30));
      return linear(g, pooled(g, g.mul(values, values)), normals([3, 3], 2));
    });
    const model = await load(overflowing);
    for (const method of ["grad-cam", "input-x-gradient"]) {
      const { record } = await explain({ model, input: picture(), method, target: 0 });
      expect(record.degenerate).toMatchObject({
        code: "non-finite",
        message: expect.stringMatching(
          /values that are not finite: the network overflows on this image\. Check.* The first is Mul at node '.+'\.$/,
        ),
      });
    }
  });
});

describe("targets", () => {
  it.each(["", "Sigmoid"])("offers both directions of one output %s", async (activation) => {
    const one = graphOf((g, x) => {
      const z = linear(
        g,
        pooled(g, features(g, x)),
        normals([1, 4], 5, (value) => -Math.abs(value)),
      );
      return activation === "" ? z : g.unary(activation, z);
    });
    const model = await load(one);
    const explanation = (target: number | string) =>
      explain({ model, input: picture(), method: "input-x-gradient", target });
    const [no, yes, top] = [await explanation(0), await explanation(1), await explanation("top1")];
    expect(yes.record.score.logit).toBeLessThan(0);
    expect(top.record.target.index).toBe(0);
    expect(no.record.score.probability + yes.record.score.probability).toBeCloseTo(1, 6);
    expect([...no.map.values]).toEqual([...yes.map.values].map((value) => -value));
    expect(isZero(yes)).toBe(false);
  });

  it("gives a black border no share of a regression", async () => {
    const regression = graphOf((g, x) =>
      g.matmul(g.reshape(x, ["batch", 192]), g.constant(normals([192, 1], 6))),
    );
    const model = await load(regression);
    const input = picture();
    const isBorder = (pixel: number): boolean =>
      [0, 7].includes(pixel % 8) || [0, 7].includes(Math.floor(pixel / 8));
    input.data.forEach((_, index) => {
      if (isBorder(index % 64)) input.data[index] = 0;
    });
    const found = await explain({ model, input, method: "input-x-gradient", target: 1 });
    found.map.values.forEach((value, pixel) => expect(value === 0).toBe(isBorder(pixel)));
    expect(found.map.values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(found.record.score.logit, 4);
  });

  it("finds the logits among several outputs, or takes the ones asked for", async () => {
    const g = GraphBuilder.empty(17);
    const values = features(g, g.input("image", ["batch", 3, 8, 8]));
    const vector = pooled(g, values);
    g.output(vector, "features");
    g.output(linear(g, vector, normals([3, 4], 2)), "scores");
    const graph = g.build();
    expect((await load(graph)).classCount).toBe(3);
    expect((await load(graph, { output: "features" })).classCount).toBe(4);
    await expect(load(graph, { output: "embedding" })).rejects.toThrow(
      "Output 'embedding': the model has no such value. Its outputs are: features, scores.",
    );
  });
});

describe("files", () => {
  it("asks for no weights that an old file lists as inputs", async () => {
    const graph = graphOf(classifier);
    const listed = [...graph.initializers.values()].map(({ name, type, dims }) => ({ name, type, dims }));
    const model = await load({ ...graph, inputs: [...listed, ...graph.inputs] }, {}, 3);
    expect(model.network.input.name).toBe("image");
    expect(isZero(await explain({ model, input: picture(), method: "grad-cam" }))).toBe(false);
  });

  it("runs masks through a file whose batch is fixed at 1, with the values that a free batch gives", async () => {
    const digits = (batch: number | "batch"): Graph =>
      graphOf(
        (g, x) => {
          const flat = g.node("Reshape", [features(g, x), g.ints([batch === 1 ? 1 : -1, 256])]);
          return linear(g, flat, normals([3, 256], 2));
        },
        [batch, 3, 8, 8],
      );
    const maps: Float32Array[] = [];
    for (const batch of [1, "batch"] as const) {
      const model = await load(digits(batch));
      const found = await explain({
        model,
        input: picture(),
        method: "rise",
        target: 1,
        params: { masks: 100 },
      });
      maps.push(found.map.values);
      expect(found.record.notes?.some((note) => note.includes("fixes the batch at 1")) ?? false).toBe(
        batch === 1,
      );
    }
    const scale = Math.max(...(maps[1] ?? []));
    maps[0]?.forEach((value, pixel) =>
      expect(Math.abs(value - (maps[1]?.[pixel] ?? 0)) / scale).toBeLessThan(1e-5),
    );
  });

  it("runs half precision without NaN, and says in what it computes", async () => {
    const half = graphOf((g, x) => g.cast(classifier(g, g.cast(x, "float32")), "float16"));
    const model = await load({
      ...half,
      inputs: half.inputs.map((input) => ({ ...input, type: "float16" as const })),
    });
    const found = await explain({ model, input: picture(), method: "grad-cam" });
    expect(isFinite(found) && !isZero(found)).toBe(true);
    expect(found.record.notes?.[0]).toContain("float16");
  });

  it("explains a file in training mode as at inference, twice the same, and warns", async () => {
    const training = graphOf((g, x) => {
      const values = features(g, x);
      const v = g.floats([1, 1, 1, 1], [4]);
      const [normal = ""] = g.nodeMany("BatchNormalization", [values, v, v, v, v], { training_mode: 1 }, 3);
      const isOn = g.constant({ type: "bool", dims: [], data: Uint8Array.of(1) });
      return linear(g, g.node("Dropout", [pooled(g, normal), g.scalar(0.5), isOn]), normals([3, 4], 2));
    });
    const model = await load(training);
    const [a, b] = [
      await explain({ model, input: picture(), method: "grad-cam" }),
      await explain({ model, input: picture(), method: "grad-cam" }),
    ];
    expect([...a.map.values]).toEqual([...b.map.values]);
    expect(isZero(a)).toBe(false);
    expect(a.record.notes?.[0]).toMatch(
      /^The file was exported in training mode \(1 BatchNormalization and 1 Dropout\): explained as at inference/,
    );
  });

  it("explains a quantised network nearly as the float one", async () => {
    const steps = (g: GraphBuilder, x: string, scale: number): string => {
      const zero = g.constant({ type: "int8", dims: [], data: Int8Array.of(0) });
      return g.node("DequantizeLinear", [
        g.node("QuantizeLinear", [x, g.scalar(scale), zero]),
        g.scalar(scale),
        zero,
      ]);
    };
    const network =
      (isQuantised: boolean): Build =>
      (g, x) => {
        const q = (value: string, scale: number): string => (isQuantised ? steps(g, value, scale) : value);
        const first = g.node("Conv", [q(x, 1 / 127), q(g.constant(normals([6, 3, 3, 3], 1)), 3 / 127)], {
          pads: [1, 1, 1, 1],
        });
        const values = q(g.unary("Relu", first), 10 / 127);
        return linear(g, pooled(g, values), normals([3, 6], 2));
      };
    const maps: (readonly number[])[] = [];
    for (const isQuantised of [false, true]) {
      const model = await load(graphOf(network(isQuantised)));
      const found = await explain({ model, input: picture(), method: "hires-cam", target: 1 });
      maps.push([...(found.map.native?.values ?? [])]);
    }
    expect(rankCorrelation(maps[0] ?? [], maps[1] ?? [])).toBeGreaterThan(0.8);
  });

  it("folds an If on a constant, and explains past it", async () => {
    const branch = (name: string, value: number): Graph => {
      const g = GraphBuilder.empty(17, name);
      const one = g.floats([value], [1]);
      g.output(g.node("Add", [one, g.floats([0], [1])]), `${name}_out`);
      return g.build();
    };
    let condition = "";
    const plain = graphOf((g, x) => {
      condition = g.constant({ type: "bool", dims: [], data: Uint8Array.of(1) });
      return linear(
        g,
        g.mul(pooled(g, features(g, x)), g.unary("Neg", g.floats([-2], [1]))),
        normals([3, 4], 2),
      );
    });
    const graph: Graph = {
      ...plain,
      nodes: plain.nodes.map((node) =>
        node.opType === "Neg"
          ? {
              ...node,
              opType: "If",
              inputs: [condition],
              attributes: {
                then_branch: { kind: "graph", value: branch("yes", 2) },
                else_branch: { kind: "graph", value: branch("no", 3) },
              },
            }
          : node,
      ),
    };
    const model = await load(graph);
    expect(model.operators?.has("If")).toBe(false);
    expect(isZero(await explain({ model, input: picture(), method: "grad-cam" }))).toBe(false);
  });

  it("names the data file that is missing", async () => {
    const path = join(folder, "outside.onnx");
    const graph = graphOf((g, x) =>
      linear(g, g.reshape(features(g, x), ["batch", 256]), normals([9, 256], 2)),
    );
    const { bytes } = writeModel({ graph, opsets: new Map([["", 17]]) });
    const [, data = ""] = await writeModelFile(path, readModel(bytes), { externalData: "always" });
    const first = await loadModel(path, { threads: 1, preprocess: "zero-to-one" });
    const { map } = await explain({ model: first, input: picture(), method: "grad-cam" });
    expect(Math.max(...map.values)).toBeGreaterThan(0);
    await first.close();
    rmSync(data);
    await expect(loadModel(path)).rejects.toThrow(
      /its weights are in 'outside\.onnx\.data', expected at .*, got no such file\. Put it beside the model/,
    );
  });
});

describe("geometry", () => {
  it("does not transpose an input that is wider than high, nor its photograph", async () => {
    // Class 1 sees the right part of the picture, class 2 the lower one.
    const sides = graphOf(
      (g, x) => {
        const grey = g.unary("Relu", g.node("Conv", [x, g.floats([1, 1, 1], [1, 3, 1, 1])]));
        const seen = (rows: boolean): string => {
          const length = rows ? 24 : 32;
          const ramp = g.floats(
            Array.from({ length }, (_, index) => (index >= length / 2 ? 1 : 0)),
            rows ? [1, 1, length, 1] : [1, 1, 1, length],
          );
          return g.reduce("ReduceMean", g.mul(grey, ramp), [2, 3], true);
        };
        return g.reshape(g.concat([seen(true), seen(false)], 1), ["batch", 2]);
      },
      ["batch", 3, 24, 32],
    );
    const model = await load(sides, { resize: "stretch" });
    expect([model.height, model.width]).toEqual([24, 32]);
    // A portrait photograph, white in its lower half.
    const photograph = join(folder, "portrait.png");
    const pixels = new Uint8Array(334 * 500 * 3).fill(255, 334 * 250 * 3);
    await sharp(pixels, { raw: { width: 334, height: 500, channels: 3 } })
      .png()
      .toFile(photograph);
    const loaded = await loadImage(photograph, model);
    expect(loaded.input.dims).toEqual([1, 3, 24, 32]);
    expect([loaded.photograph.width, loaded.photograph.height]).toEqual([334, 500]);
    const { map, record } = await explain({ model, input: loaded.input, method: "input-x-gradient" });
    expect(record.target.index).toBe(0);
    expect([map.height, map.width]).toEqual([24, 32]);
    const at = (y: number, x: number): number => map.values[y * 32 + x] ?? Number.NaN;
    expect(at(20, 2)).toBeGreaterThan(0);
    expect(at(20, 30)).toBeCloseTo(at(20, 2), 6);
    expect(at(2, 30)).toBe(0);
  });

  it("finds channels-last images", async () => {
    const keras = graphOf(
      (g, x) => g.node("Softmax", [classifier(g, g.transpose(x, [0, 3, 1, 2]))], { axis: -1 }),
      ["batch", 8, 8, 3],
    );
    const model = await load(keras);
    expect(model.network.input).toMatchObject({ layout: "NHWC", channels: 3, height: 8, width: 8 });
    expect(isZero(await explain({ model, input: picture(), method: "grad-cam" }))).toBe(false);
  });

  it("reads labels, layout and range of a Teachable Machine export", async () => {
    const own = mkdtempSync(join(folder, "teachable-"));
    const graph = graphOf(
      (g, x) => {
        const image = g.transpose(x, [0, 3, 1, 2]);
        const small = g.node("Conv", [image, g.constant(normals([4, 3, 8, 8], 1))], { strides: [16, 16] });
        const scores = linear(g, pooled(g, g.unary("Relu", small)), normals([2, 4], 2));
        return g.node("Softmax", [scores], { axis: -1 });
      },
      ["batch", 224, 224, 3],
    );
    const path = join(own, "model.onnx");
    writeFileSync(path, writeModel({ graph, opsets: new Map([["", 17]]) }).bytes);
    writeFileSync(join(own, "labels.txt"), "0 cat\n1 dog\n");
    const model = await loadModel(path, { threads: 1 });
    open.push(model);
    expect(model.network.input.layout).toBe("NHWC");
    expect(model.labels).toEqual(["cat", "dog"]);
    expect(model.description.preprocessSource).toBe(
      "guessed: channels last and numbered labels, as Teachable Machine exports (v / 127.5 - 1)",
    );
    const photograph = join(own, "photo.png");
    const pixels = Uint8Array.from({ length: 30 * 20 * 3 }, (_, index) => (index * 7) % 256);
    await sharp(pixels, { raw: { width: 30, height: 20, channels: 3 } })
      .png()
      .toFile(photograph);
    const { trials } = await tryPreprocessings(model, photograph);
    expect(trials[0]).toMatchObject({ name: "minus-one-to-one", isChosen: true });
    expect(trials.map(({ name }) => name)).toEqual(expect.arrayContaining(["zero-to-one", "zero-to-255"]));
    const { input } = await loadImage(photograph, model);
    const found = await explain({ model, input, method: "grad-cam" });
    expect(["cat", "dog"]).toContain(found.record.target.label);
  });

  it("reaches the pixels of bytes that the file casts, scales and resizes itself", async () => {
    const bytes = (() => {
      const g = GraphBuilder.empty(17);
      const raw = g.input("image", ["batch", 16, 16, 3], "uint8");
      const pixels = g.transpose(g.div(g.cast(raw, "float32"), 255), [0, 3, 1, 2]);
      const small = g.node("Resize", [pixels, "", g.floats([1, 1, 0.5, 0.5], [4])], {
        mode: "linear",
        coordinate_transformation_mode: "half_pixel",
      });
      g.output(classifier(g, g.sub(small, 0.5)), "scores");
      return g.build();
    })();
    const model = await load(bytes);
    const input = picture(3, [1, 3, 16, 16]);
    input.data.forEach((value, index) => (input.data[index] = Math.round(255 * value)));
    for (const method of ["grad-cam", "gradient"]) {
      expect(isZero(await explain({ model, input, method }))).toBe(false);
    }
  });
});

describe("a long loop", () => {
  it("holds the memory of one image over 500", async () => {
    const model = await load(graphOf(classifier));
    const input = picture();
    const once = () => explain({ model, input, method: "grad-cam", target: 1 });
    for (let index = 0; index < 50; index++) await once();
    const before = process.memoryUsage().rss;
    let last: Explanation | undefined;
    for (let index = 0; index < 500; index++) last = await once();
    expect(last !== undefined && isFinite(last)).toBe(true);
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(64);
  });
});

/** Spearman's rank correlation. */
function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const ranks = (values: readonly number[]): readonly number[] => {
    const order = values.map((_, index) => index).sort((i, j) => (values[i] ?? 0) - (values[j] ?? 0));
    const result = values.map(() => 0);
    order.forEach((index, rank) => (result[index] = rank));
    return result;
  };
  const [x, y] = [ranks(a), ranks(b)];
  const squares = x.reduce((sum, rank, index) => sum + (rank - (y[index] ?? 0)) ** 2, 0);
  return 1 - (6 * squares) / (x.length * (x.length ** 2 - 1));
}
