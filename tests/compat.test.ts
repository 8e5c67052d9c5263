import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { nonDifferentiableOps } from "../src/autodiff/non-differentiable.ts";
import { vjps } from "../src/autodiff/vjps/index.ts";
import { UnsupportedOpError } from "../src/errors.ts";
import { loadModel, type LoadModelOptions, type NodeModel } from "../src/node.ts";
import { randomStream } from "../src/random/random-stream.ts";
import { checkGradient } from "../src/runtime/check-gradient.ts";
import { smoothImage } from "../src/runtime/smooth-image.ts";
import { toHalf, fromHalf } from "../src/tensor/half.ts";
import { concatBatch, tensor, type Tensor } from "../src/tensor/tensor.ts";

const folder = resolve(import.meta.dirname, "models/compat");
const coverage = resolve(import.meta.dirname, "../../shared/spec/op-coverage.json");
const pathOf = (name: string): string => join(folder, `${name}.onnx`);

interface Expected {
  readonly batch: "free" | "freed" | "fixed";
  /** Height and width of the default layer. */
  readonly grid: readonly [number, number];
  /** How far the scores may be from those that ONNX Runtime gives for the file itself. Default 1e-5; `false`: it gives none. */
  readonly scores?: number | false;
  /** The float model that a quantised one was made from. */
  readonly twin?: string;
  /** Some notes, in part. */
  readonly notes?: readonly RegExp[];
  readonly options?: LoadModelOptions;
  /** Operators that have no gradient. */
  readonly refused?: RegExp;
}

const facts = { facts: tensor([0.5, -1, 2], [1, 3]) };
const quantised = /quantised: the explained score is its own/;
const freed = /fixes the batch at 1; it was rewritten/;
const old: Expected = { batch: "freed", grid: [12, 12], notes: [freed] };
const cnn: Expected = { batch: "free", grid: [8, 8] };
const vit: Expected = { batch: "free", grid: [4, 4] };

/** Every model of the folder; a new one needs a line here. */
const expected: Readonly<Record<string, Expected>> = {
  ...Object.fromEntries([7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18].map((opset) => [`opset-${opset}`, old])),
  cnn,
  "cnn-batch-1": { ...cnn, batch: "freed", notes: [freed] },
  "cnn-softmax": cnn,
  "vit-opset-11": vit,
  "vit-opset-17": vit,
  "vit-batch-1": { ...vit, batch: "freed", notes: [freed] },
  "keras-nhwc": cnn,
  // Strings and maps do not pass the JavaScript interface.
  "custom-vision": { ...cnn, scores: false },
  "label-only": { ...cnn, scores: false },
  "two-outputs": cnn,
  "one-output": { ...cnn, notes: [/one output z/] },
  "one-sigmoid": { ...cnn, notes: [/one output z/] },
  "multi-label": cnn,
  "two-inputs": { ...cnn, options: { feeds: facts } },
  "two-inputs-batch-1": { ...cnn, batch: "freed", notes: [freed], options: { feeds: facts } },
  "mobile-uint8": { ...cnn, batch: "fixed", notes: [/goes in as uint8/, /no batch axis/] },
  gray: cnn,
  "eleven-channels": { ...cnn, grid: [15, 4] },
  "dynamic-size": { ...cnn, grid: [10, 6], options: { size: [40, 24] } },
  portrait: { ...cnn, grid: [12, 8] },
  if: cnn,
  "loop-on-path": { ...cnn, refused: /^Loop at node 'loop_\d+': no gradient rule .* forward-only method/ },
  // Shapes behind it are not known but for the output's, which the file states.
  "loop-inside": { ...cnn, refused: /^Loop at node 'loop_\d+': no gradient rule .* forward-only method/ },
  "loop-off-path": cnn,
  // The image goes into the loop as a value from outside, not as an input of the node.
  "loop-captures": {
    ...cnn,
    refused: /^Loop at node 'loop_\d+': no gradient rule .* forward-only method/,
  },
  function: { ...cnn, grid: [16, 16] },
  "mixed-batch": { ...cnn, batch: "fixed", notes: [/one by one\. ReduceSumSquare at node .* mixes/] },
  float16: { ...cnn, scores: 5e-3, notes: [/in float16; it is computed in float32/] },
  "float16-inside": { ...cnn, scores: 5e-3, notes: [/in float16; it is computed in float32/] },
  "vit-float16": { ...vit, scores: 1e-2, notes: [/in float16; it is computed in float32/] },
  bfloat16: { ...cnn, scores: false, notes: [/in bfloat16; it is computed in float32/] },
  float64: { ...cnn, scores: false, notes: [/in float64; it is computed in float32/] },
  "cnn-qdq": { ...cnn, twin: "cnn", notes: [quantised] },
  "cnn-qoperator": { ...cnn, twin: "cnn", notes: [quantised] },
  "cnn-dynamic": { ...cnn, batch: "fixed", twin: "cnn", notes: [quantised, /range from all images/] },
  "vit-dynamic": {
    ...vit,
    batch: "fixed",
    twin: "vit-opset-17",
    notes: [quantised, /range from all images/],
  },
  // Weights of 4 bits, everything else in float32: differences are not a staircase.
  "vit-4-bit": { ...vit, notes: [quantised] },
  "vit-qdq": { ...vit, twin: "vit-opset-17", notes: [quantised] },
  "cnn-optimised": cnn,
  "vit-optimised": vit,
  "cnn-qoperator-batch-1": { ...cnn, batch: "freed", twin: "cnn", notes: [quantised, freed] },
  "cnn-optimised-batch-1": { ...cnn, batch: "freed", notes: [freed] },
  "vit-optimised-batch-1": { ...vit, batch: "freed", notes: [freed] },
};

/** A smooth picture; of whole numbers where the file takes bytes. */
const noise = (model: NodeModel, seed: number): Tensor => {
  const image = smoothImage(model, randomStream(seed, "image"));
  if (model.network.input.type !== "uint8") return image;
  return { ...image, data: image.data.map((value) => Math.round(Math.min(255, Math.max(0, value)))) };
};

/** The scores that ONNX Runtime gives for the file as it is, in the file's own layout and types. */
async function fileScores(path: string, model: NodeModel, image: Tensor): Promise<readonly number[]> {
  const { input, tail } = model.network;
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const [, channels = 0, height = 0, width = 0] = image.dims;
  const size = height * width;
  const values =
    input.layout === "NCHW"
      ? [...image.data]
      : Array.from({ length: channels * size }, (_, index) => {
          const [place, channel] = [Math.floor(index / channels), index % channels];
          return image.data[channel * size + place] ?? 0;
        });
  const shape = input.layout === "NCHW" ? [channels, height, width] : [height, width, channels];
  const dims = input.isUnbatched ? shape : [1, ...shape];
  const feed =
    input.type === "float16"
      ? new OrtTensor("float16", Uint16Array.from(values, toHalf), dims)
      : input.type === "uint8"
        ? new OrtTensor("uint8", Uint8Array.from(values), dims)
        : new OrtTensor("float32", Float32Array.from(values), dims);
  const further = session.inputNames.includes("facts")
    ? { facts: new OrtTensor("float32", facts.facts.data, [1, 3]) }
    : {};
  const result = await session.run({ [input.name]: feed, ...further }, [tail.output]);
  await session.release();
  const output = result[tail.output];
  return output?.type === "float16"
    ? Array.from(output.data as Uint16Array, fromHalf)
    : Array.from(output?.data as Float32Array);
}

/** Our scores in the form of the file's output. */
function asInFile(model: NodeModel, logits: Tensor): readonly number[] {
  const { tail } = model.network;
  const values = Array.from(logits.data.slice(tail.logitCount === 1 ? 1 : 0));
  if (tail.cut === undefined) return values;
  if (tail.cut === "Sigmoid") return values.map((value) => 1 / (1 + Math.exp(-value)));
  const sum = values.reduce((total, value) => total + Math.exp(value), 0);
  return values.map((value) => Math.exp(value) / sum);
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, sizeA, sizeB] = [0, 0, 0];
  a.forEach((value, index) => {
    const other = b[index] ?? 0;
    dot += value * other;
    sizeA += value * value;
    sizeB += other * other;
  });
  return dot / Math.sqrt(sizeA * sizeB);
}

async function gradientOf(path: string, image: Tensor, index: number): Promise<Float32Array> {
  const model = await loadModel(path, { threads: 1 });
  try {
    return (await model.gradient(image, { target: { index } })).gradient?.data ?? new Float32Array();
  } finally {
    await model.close();
  }
}

/** How far our scores are from the file's own, relative to the largest. */
async function scoreError(name: string, model: NodeModel, image: Tensor, logits: Tensor): Promise<number> {
  const theirs = await fileScores(pathOf(name), model, image);
  const ours = asInFile(model, logits);
  const scale = Math.max(...theirs.map(Math.abs));
  return Math.max(...theirs.map((value, index) => Math.abs(value - (ours[index] ?? Number.NaN)) / scale));
}

/** What the gradient proves to be: in agreement with differences, or with the float model's, or not to be had. */
async function gradientOutcome(
  model: NodeModel,
  image: Tensor,
  index: number,
  { twin }: Pick<Expected, "twin">,
): Promise<string> {
  try {
    if (twin === undefined) {
      const options = { directionCount: 6 };
      return (await checkGradient(model, image, { index }, randomStream(0, "check"), options)).verdict;
    }
    const { gradient } = await model.gradient(image, { target: { index } });
    const theirs = await gradientOf(pathOf(twin), image, index);
    return cosine(gradient?.data ?? new Float32Array(), theirs) > 0.9 ? "like the float model's" : "another";
  } catch (error) {
    if (error instanceof UnsupportedOpError) return error.message;
    throw error;
  }
}

describe("models in the forms that people export", () => {
  it("are all expected to do something", () => {
    const files = readdirSync(folder).filter((file) => file.endsWith(".onnx"));
    expect(files.map((file) => file.slice(0, -5)).sort()).toEqual(Object.keys(expected).sort());
  });

  it.each(Object.entries(expected))("%s", async (name, { options, ...wanted }) => {
    const model = await loadModel(pathOf(name), { threads: 1, ...options });
    try {
      expect(model.network.batch.kind).toBe(wanted.batch);
      const { height, width } = model.defaultLayer;
      expect([height, width]).toEqual(wanted.grid);
      expect(model.notes).toEqual((wanted.notes ?? []).map((note): unknown => expect.stringMatching(note)));

      const image = noise(model, 1);
      const logits = await model.logits(image);
      expect(logits.data.every(Number.isFinite)).toBe(true);
      const error = wanted.scores === false ? 0 : await scoreError(name, model, image, logits);
      expect(error).toBeLessThan(wanted.scores || 1e-5);

      // A stack gives what its images give one by one.
      const other = noise(model, 2);
      const stacked = await model.logits(concatBatch([image, other]));
      const alone = [...logits.data, ...(await model.logits(other)).data];
      stacked.data.forEach((value, index) => expect(value).toBeCloseTo(alone[index] ?? Number.NaN, 4));
      expect((await model.checkStack()) === undefined).toBe(wanted.batch !== "fixed");

      const index = logits.data.indexOf(Math.max(...logits.data));
      expect(await gradientOutcome(model, image, index, wanted)).toMatch(
        wanted.refused ?? (wanted.twin === undefined ? "pass" : "like the float model's"),
      );
    } finally {
      await model.close();
    }
  });

  it("reads a layer of integers as the real numbers that they stand for", async () => {
    const names = ["cnn", "cnn-qoperator"];
    const [float, integer] = await Promise.all(
      names.map(async (name) => {
        const model = await loadModel(pathOf(name), { threads: 1 });
        const { activations, layerGradients } = await model.gradient(noise(model, 1), {
          target: { index: 6 },
          layers: [model.defaultLayer.name],
        });
        await model.close();
        const gradients = layerGradients[0]?.data ?? new Float32Array();
        // Where the integers are clipped the float model has gradients, too, but no activation.
        return activations[0]?.data.map((value, index) => value * (gradients[index] ?? 0)) ?? gradients;
      }),
    );
    expect(cosine(integer ?? new Float32Array(), float ?? new Float32Array())).toBeGreaterThan(0.99);
  });

  it("takes class names from a map of names", async () => {
    const model = await loadModel(pathOf("custom-vision"), { threads: 1 });
    expect(model.labels).toEqual(["Hemlock", "Japanese Cherry", "Oak"]);
    expect(model.network.tail).toMatchObject({ cut: "Softmax", logitCount: 3 });
    await model.close();
  });

  it("takes another output if that is asked for", async () => {
    const model = await loadModel(pathOf("two-outputs"), { threads: 1, output: "features" });
    expect(model.classCount).toBe(16);
    await model.close();
  });

  it("asks for the value of a further input, by name", async () => {
    await expect(loadModel(pathOf("two-inputs"), { threads: 1 })).rejects.toThrow(
      /the model has 1 besides the image 'image': facts.*--feed NAME=VALUE/,
    );
  });

  it("fills a further input with one number, and says which shape it wants otherwise", async () => {
    const feed = (values: Tensor): Promise<NodeModel> =>
      loadModel(pathOf("two-inputs"), { threads: 1, feeds: { facts: values } });
    const one = await feed(tensor([2], []));
    const all = await feed(tensor([2, 2, 2], [1, 3]));
    const image = noise(one, 1);
    expect((await one.logits(image)).data).toEqual((await all.logits(image)).data);
    await one.close();
    await all.close();
    await expect(feed(tensor([1, 2], [2]))).rejects.toThrow(
      /facts.*expected float32 \[batch, 3\], got float32 \[2\]/,
    );
  });

  it.each([
    ["loop-on-path", "occlusion"],
    ["loop-inside", "occlusion"],
    ["loop-inside", "score-cam"],
    ["loop-captures", "occlusion"],
  ])("%s is explained by %s, which needs no gradient", async (name, method) => {
    const { explain } = await import("../src/methods/explain.ts");
    const model = await loadModel(pathOf(name), { threads: 1 });
    const image = noise(model, 1);
    const { map } = await explain({ model, input: image, method, params: {} });
    expect(map.values.some((value) => value !== 0)).toBe(true);
    await model.close();
  });

  it.skipIf(!existsSync(coverage))("have a gradient rule for every operator of exported classifiers", () => {
    const exported = JSON.parse(readFileSync(coverage, "utf8")) as Record<string, unknown>;
    const operators = new Set<string>();
    for (const [name, family] of Object.entries(exported)) {
      if (!/^(legacy|dynamo).*(folded|\d)$/.test(name)) continue;
      for (const counts of Object.values(family as Record<string, object>)) {
        for (const operator of Object.keys(counts)) operators.add(operator);
      }
    }
    expect(operators.size).toBeGreaterThan(40);
    const missing = [...operators].filter(
      (operator) => vjps[operator] === undefined && !nonDifferentiableOps.has(operator),
    );
    // Shape code of exporters, folded before anything is differentiated.
    expect(missing).toEqual([]);
  });
});
