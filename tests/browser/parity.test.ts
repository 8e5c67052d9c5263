import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveFolder, type StaticServer } from "../../src/cli/static-server.ts";
import { explain } from "../../src/methods/explain.ts";
import { methods } from "../../src/methods/index.ts";
import { embeddedModelPath, loadImage, loadModel, type NodeModel } from "../../src/node.ts";
import { writeModelFile } from "../../src/runtime/write-model-node.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { randomTensor, smallConvolutionalModel } from "../support/small-model.ts";
import { relativeError } from "../support/shared-models.ts";
import { openBrowser, type Browser } from "./chromium.ts";
import type { ParityAnswer, ParityCase, ParityRequest } from "./parity/cases.ts";

/** Largest difference of two maps, relative to the largest value. Both runtimes add in other orders. */
const tolerance = 1e-4;
/** Graphics processors approximate exponentials and divisions. */
const gpuTolerance = 1e-3;

/** Parameters that keep a method short on the small model; what is not here runs with its defaults. */
const shortParams: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "integrated-gradients": { steps: 10 },
  rise: { masks: 70 },
  lime: { samples: 40, segmentCount: 9 },
  xrai: { steps: 9, scales: [4, 9, 16], minPixelDiff: 4, dilation: 1 },
  "meaningful-perturbation": { size: 4, iterations: 5 },
  "i-gos": { size: 4, iterations: 2, steps: 9 },
  "i-gos-pp": { size: 4, iterations: 2, steps: 9 },
  sigcam: { size: 4, iterations: 3, steps: 9 },
  "sigcam-coco": { size: 4, iterations: 3, steps: 9 },
};

const smallCases: readonly ParityCase[] = [
  ...methods.map(({ name }) => ({ method: name, params: shortParams[name] ?? {}, target: 2 })),
  { method: "aop:grad-cam+i-gos", params: { size: 4, iterations: 2, steps: 9 }, target: 2 },
];

const embeddedCases: readonly (ParityCase & {
  readonly isOfPixels?: boolean;
  readonly isOptimised?: boolean;
})[] = [
  { method: "grad-cam", params: {}, target: 281 },
  { method: "wgrad-cam", params: {}, target: 285 },
  { method: "integrated-gradients", params: { steps: 4 }, target: 281, isOfPixels: true },
  { method: "guided-backprop", params: {}, target: 281, isOfPixels: true },
  { method: "rise", params: { masks: 16 }, target: 281 },
  { method: "sigcam", params: { iterations: 2, steps: 4 }, target: 281, isOptimised: true },
];

const folder = mkdtempSync(join(tmpdir(), "onnx-saliency-parity-"));
const smallPreprocess = '{"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}';
const smallInput = randomTensor([1, 3, 16, 16], 1, 77);
let server: StaticServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  await build({
    root: join(import.meta.dirname, "parity"),
    configFile: false,
    base: "./",
    logLevel: "warn",
    worker: { format: "es" },
    build: { outDir: join(folder, "page"), target: "es2022", emptyOutDir: true, reportCompressedSize: false },
  });
  const small = smallConvolutionalModel();
  await writeModelFile(join(folder, "small.onnx"), small.onnx);
  await small.close();
  server = await serveFolder(join(folder, "page"));
  browser = await openBrowser();
  page = await browser.context.newPage();
  await page.goto(server.url);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function inBrowser(
  request: Omit<ParityRequest, "model" | "input"> & { path: string; input: Tensor },
  on: Page = page,
) {
  const { path, input, ...rest } = request;
  const full: ParityRequest = {
    ...rest,
    model: readFileSync(path).toString("base64"),
    input: { dims: input.dims, data: [...input.data] },
  };
  return await on.evaluate<ParityAnswer, ParityRequest>((asked) => window.runParity(asked), full);
}

describe("a graphics processor that cannot be used", () => {
  it("is given up for WebAssembly, with the reason", async () => {
    const answer = await inBrowser({
      path: join(folder, "small.onnx"),
      preprocess: smallPreprocess,
      device: "auto",
      input: smallInput,
      cases: smallCases.slice(0, 1),
      hasBrokenGpu: true,
    });
    expect(answer).toMatchObject({ device: "wasm", check: { verdict: "pass" } });
    expect(answer.notes.join()).toMatch(/^WebGPU is not used for this model: .*graphics processor is lost/);
    expect(answer.maps[0]?.isFinite).toBe(true);
  });
});

/** SwiftShader compiles shaders slowly, so one method of each kind stands for the others. */
const gpuCases = smallCases.filter(({ method }) =>
  ["gradient", "guided-backprop", "grad-cam", "score-cam", "rise", "xrai", "i-gos-pp", "sigcam"].includes(
    method,
  ),
);

describe("a small network on WebGPU, run by SwiftShader", () => {
  const args = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
  let gpuBrowser: Browser;
  let answer: ParityAnswer;
  let model: NodeModel;

  beforeAll(async () => {
    gpuBrowser = await openBrowser({ args });
    const gpuPage = await gpuBrowser.context.newPage();
    await gpuPage.goto(server.url);
    const path = join(folder, "small.onnx");
    model = await loadModel(path, { preprocess: smallPreprocess, threads: 1 });
    answer = await inBrowser(
      { path, preprocess: smallPreprocess, device: "webgpu", input: smallInput, cases: gpuCases },
      gpuPage,
    );
  });
  afterAll(async () => {
    await model?.close();
    await gpuBrowser?.close();
  });

  it("passes the check of the gradient, which lets WebGPU be used", () => {
    expect(answer).toMatchObject({ device: "webgpu", notes: [], check: { verdict: "pass" } });
  });

  it.each(gpuCases.map((entry, index) => [entry.method, entry, index] as const))(
    "gives the same map of %s",
    async (_, entry, index) => {
      expect(answer.maps[index]?.error).toBeUndefined();
      const expected = await inNode(model, smallInput, entry);
      expect(difference(answer.maps[index]?.values ?? [], expected)).toBeLessThan(gpuTolerance);
    },
  );
});

async function inNode(model: NodeModel, input: Tensor, { method, params, target }: ParityCase) {
  return (await explain({ model, input, method, params, target })).map.values;
}

function difference(a: ArrayLike<number>, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  const largest = b.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return b.reduce((max, value, at) => Math.max(max, Math.abs(value - (a[at] ?? NaN))), 0) / (largest || 1);
}

describe("a small network in Chromium and in Node", () => {
  let answer: ParityAnswer;
  let model: NodeModel;

  beforeAll(async () => {
    const path = join(folder, "small.onnx");
    model = await loadModel(path, { preprocess: smallPreprocess, threads: 1 });
    answer = await inBrowser({
      path,
      preprocess: smallPreprocess,
      device: "wasm",
      input: smallInput,
      cases: smallCases,
    });
  });
  afterAll(() => model.close());

  it("runs on WebAssembly and proves its gradient there", () => {
    expect(answer).toMatchObject({ device: "wasm", notes: [], check: { verdict: "pass" } });
  });

  it.each(smallCases.map((entry, index) => [entry.method, entry, index] as const))(
    "gives the same map of %s",
    async (_, entry, index) => {
      expect(answer.maps[index]?.error).toBeUndefined();
      expect(
        difference(answer.maps[index]?.values ?? [], await inNode(model, smallInput, entry)),
      ).toBeLessThan(tolerance);
    },
  );
});

describe("the embedded model in Chromium and in Node", () => {
  it("prepares a photograph to the same numbers and gives the same maps", async () => {
    const photograph = readFileSync(join(import.meta.dirname, "../../examples/chelsea.png"));
    const preprocess = readFileSync(embeddedModelPath.replace(/\.onnx$/, ".preprocess.json"), "utf8");
    const model = await loadModel(undefined, { threads: 1 });
    try {
      const { input } = await loadImage(new Uint8Array(photograph), model);
      const answer = await inBrowser({
        path: embeddedModelPath,
        preprocess,
        device: "auto",
        input,
        cases: embeddedCases,
        photograph: photograph.toString("base64"),
      });
      expect(answer).toMatchObject({ device: "wasm", check: { verdict: "pass" } });
      expect(answer.notes.join()).toContain("WebGPU is not used");
      expect(difference(answer.prepared, input.data)).toBeLessThan(1e-6);
      for (const [index, entry] of embeddedCases.entries()) {
        const { values = [], error: failure } = answer.maps[index] ?? {};
        expect(failure, entry.method).toBeUndefined();
        const expected = await inNode(model, input, entry);
        // A rounding error that flips a ReLU6 changes the gradient of some pixels: those maps agree as a whole. An optimiser
        // carries such differences from step to step.
        const [error, allowed] =
          entry.isOfPixels === true
            ? [relativeError(values, expected), 0.02]
            : [difference(values, expected), entry.isOptimised === true ? 1e-3 : tolerance];
        expect(error, entry.method).toBeLessThan(allowed);
      }
    } finally {
      await model.close();
    }
  });
});
