import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTinyClassifier, writeTinyPhotographs } from "../../../tests/support/tiny-classifier.ts";
import { imagenetWnids } from "../../datasets/imagenet-wnids.ts";
import { openDataset } from "../../datasets/open-dataset-node.ts";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import { loadImage, loadModel, type NodeModel } from "../../node.ts";
import { mersenneStream } from "../../random/random-stream.ts";
import { NodeRuntime } from "../../runtime/session-node.ts";
import { tensor } from "../../tensor/tensor.ts";
import { findHead } from "./classifier-head.ts";
import { finetune, type FinetuneOptions } from "./finetune.ts";
import { createAdam, createHeadLoss } from "./head-trainer.ts";

const root = mkdtempSync(join(tmpdir(), "finetune-"));
const photos = join(root, "photos");
const runtime = new NodeRuntime({ threads: 1 });
let model: NodeModel;
// Two classes of pictures: noise with a bright square, and the same, much darker.
const [first = "", second = ""] = imagenetWnids();

beforeAll(async () => {
  mkdirSync(photos);
  await writeTinyPhotographs(photos, 24, (index) => `${index % 2 === 0 ? first : second}_${index}.png`);
  const { default: sharp } = await import("sharp");
  for (let index = 1; index < 24; index += 2) {
    const path = join(photos, `${second}_${index}.png`);
    writeFileSync(path, await sharp(path).linear(0.2, 0).png().toBuffer());
  }
  model = await loadModel(writeTinyClassifier(join(root, "tiny.onnx")), { threads: 1 });
});
afterAll(async () => {
  await model.close();
  await runtime.close();
  rmSync(root, { recursive: true });
});

let counter = 0;
const options = (extra: Partial<FinetuneOptions> = {}): FinetuneOptions => {
  const training = openDataset(`imagenet:${photos}`);
  return {
    model,
    training,
    trainingIndices: Array.from({ length: training.length }, (_, index) => index),
    out: join(root, `new-${++counter}.onnx`),
    workFolder: join(root, `work-${counter}`),
    runtime,
    epochs: 8,
    batchSize: 5,
    learningRate: 0.05,
    patience: 100,
    seed: 0,
    ...extra,
  };
};

describe("the head's loss", () => {
  it("has the gradient of binary cross-entropy", async () => {
    const loss = await createHeadLoss(runtime, 3, 2);
    const random = mersenneStream(3);
    const draw = (count: number, dims: readonly number[]) =>
      tensor(
        Array.from({ length: count }, () => random.normal()),
        dims,
      );
    const features = draw(12, [4, 3]);
    const labels = tensor([1, 0, 0, 1, 1, 1, 0, 0], [4, 2]);
    const weights = { weight: draw(6, [2, 3]), bias: draw(2, [2]) };
    const { loss: value, weightGradient, biasGradient, logits } = await loss.step(features, labels, weights);
    const byHand = [...logits.data].map(
      (z, index) => Math.log(1 + Math.exp(z)) - z * (labels.data[index] ?? 0),
    );
    expect(value).toBeCloseTo(byHand.reduce((sum, item) => sum + item, 0) / 8, 5);
    for (const [list, gradient] of [
      [weights.weight.data, weightGradient.data],
      [weights.bias.data, biasGradient.data],
    ] as const) {
      for (let index = 0; index < list.length; index++) {
        const kept = list[index] ?? 0;
        list[index] = kept + 0.01;
        const up = (await loss.step(features, labels, weights)).loss;
        list[index] = kept - 0.01;
        const down = (await loss.step(features, labels, weights)).loss;
        list[index] = kept;
        expect(gradient[index]).toBeCloseTo((up - down) / 0.02, 3);
      }
    }
    await loss.release();
  });
});

describe("Adam", () => {
  it("moves by the learning rate in the first step, whatever the size of the gradient", () => {
    const values = Float32Array.of(1, 1);
    createAdam([2], 0.1).update([values], [Float32Array.of(1000, -0.001)]);
    expect(values[0]).toBeCloseTo(0.9, 5);
    expect(values[1]).toBeCloseTo(1.1, 4);
  });
});

describe("finetune", () => {
  it("learns, and writes a sigmoid-scored model with labels and preprocessing that other commands load", async () => {
    const request = options({ epochs: 60 });
    const history = await finetune(request);
    const last = history.at(-1);
    expect(last?.trainingLoss).toBeLessThan(0.2 * (history[0]?.trainingLoss ?? 0));
    const tuned = await loadModel(request.out, { threads: 1 });
    expect([tuned.classCount, tuned.probabilityKind, tuned.labels?.[1]]).toEqual([1000, "sigmoid", second]);
    expect(tuned.preprocess).toEqual(model.preprocess);
    for (const [name, label] of [
      [`${first}_0.png`, 0],
      [`${second}_1.png`, 1],
    ] as const) {
      const { input } = await loadImage(join(photos, name), tuned);
      const { data } = await tuned.logits(input);
      expect(data.indexOf(Math.max(...data))).toBe(label);
    }
    await tuned.close();
  });

  it("goes on after an interruption as if there had been none", async () => {
    const whole = await finetune(options());
    const request = options();
    const controller = new AbortController();
    const stop = finetune({
      ...request,
      signal: controller.signal,
      onEpoch: ({ epoch }) => void (epoch === 3 && controller.abort()),
    });
    await expect(stop).rejects.toThrow(/stopped/);
    expect(existsSync(request.out)).toBe(false);
    // And the features were being written when the power went.
    const folder = join(request.workFolder, model.description.sha256.slice(0, 12));
    appendFileSync(join(folder, "training.f32"), "torn");
    appendFileSync(join(folder, "training.jsonl"), '{"key":');
    expect(await finetune(request)).toEqual(whole);
  });

  it("computes features once", async () => {
    const request = options({ epochs: 1 });
    await finetune(request);
    const before = model.counts.forward;
    await finetune({ ...request, seed: 0, learningRate: 0.01 });
    // One image tells the number of features, for each of the two caches.
    expect(model.counts.forward - before).toBe(2);
  });

  it("stops when the validation loss gets no better", async () => {
    const history = await finetune(options({ epochs: 500, learningRate: 3, patience: 4 }));
    expect(history.length).toBeLessThan(500);
    expect(history.slice(-4).every(({ isBest }) => !isBest)).toBe(true);
  });
});

describe("finding the head", () => {
  it("looks through what follows the last linear layer", () => {
    const head = findHead(model.onnx.graph, "logits");
    expect(head.nodes.map(({ opType }) => opType)).toContain("Gemm");
    expect(model.onnx.graph.nodes.find(({ outputs }) => outputs.includes(head.features))?.opType).toBe(
      "Flatten",
    );
  });

  it("says why a network has none that can be replaced", () => {
    const g = GraphBuilder.empty();
    g.output(g.unary("Relu", g.input("x", ["batch", 3])), "y");
    expect(() => findHead(g.build(), "y")).toThrow(/'y' it ends in Relu/);
  });
});
