import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { explain, loadModel, tensor } from "../src/node.ts";
import { mersenneStream } from "../src/random/random-stream.ts";
import { repository, runCli, type CliResult } from "./support/run-cli.ts";
import { writeTinyClassifier } from "./support/tiny-classifier.ts";

/** A program that knows nothing of this package: ONNX Runtime for Node, an input and a class in, a map out. */
const nodeProgram = `
import { readFileSync, writeFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
const [model, input, output] = process.argv.slice(2);
const data = new Float32Array(new Uint8Array(readFileSync(input)).buffer);
const session = await InferenceSession.create(model);
const { saliency_map } = await session.run({
  image: new Tensor("float32", data, [1, 3, 16, 16]),
  target: new Tensor("int64", [2n], [1]),
});
writeFileSync(output, new Uint8Array(saliency_map.data.buffer));
`;

/** The same in Python. */
const pythonProgram = `
import sys
import numpy, onnxruntime
model, source, output = sys.argv[1:]
image = numpy.fromfile(source, dtype=numpy.float32).reshape(1, 3, 16, 16)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
(saliency_map,) = session.run(["saliency_map"], {"image": image, "target": numpy.array([2])})
saliency_map.tofile(output)
`;
const hasPython = spawnSync("python3", ["-c", "import numpy, onnxruntime"]).status === 0;

describe("an exported model", () => {
  let folder = "";
  let expected: Float32Array = new Float32Array();
  let exported: CliResult | undefined;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "onnx-saliency-export-"));
    const path = writeTinyClassifier(join(folder, "model.onnx"));
    const random = mersenneStream(3);
    const data = Float32Array.from({ length: 768 }, () => random.normal());
    writeFileSync(join(folder, "input.bin"), new Uint8Array(data.buffer));
    const model = await loadModel(path, { threads: 1 });
    const input = tensor(data, [1, 3, 16, 16]);
    expected = (await explain({ model, input, method: "grad-cam", target: 2 })).map.values;
    await model.close();
    exported = await runCli(["export", path, "--method", "grad-cam", "--out", join(folder, "out.onnx")]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** How far the map is off that a program of its own gives, over the map's largest value. */
  function errorOf(command: string, script: string, program: string): number {
    writeFileSync(script, program);
    const files = ["out.onnx", "input.bin", "map.bin"].map((name) => join(folder, name));
    const run = spawnSync(command, [script, ...files]);
    rmSync(script);
    if (run.status !== 0) throw new Error(String(run.stderr));
    const map = new Float32Array(new Uint8Array(readFileSync(files[2] ?? "")).buffer);
    if (map.length !== expected.length) return Infinity;
    const differences = map.map((value, pixel) => Math.abs(value - (expected[pixel] ?? Number.NaN)));
    return Math.max(...differences) / Math.max(...expected);
  }

  it("is compared with the model when it is written", () => {
    expect(exported?.stderr).toBe("");
    expect(exported?.status).toBe(0);
    expect(exported?.stdout).toContain("the model's outputs are the same bit for bit");
  });

  it("gives its map to a Node program without this package", () => {
    // Inside the repository, so that the program finds ONNX Runtime.
    const cache = join(repository, ".cache");
    mkdirSync(cache, { recursive: true });
    const script = join(cache, `export-test-${process.pid}.mjs`);
    expect(errorOf(process.execPath, script, nodeProgram)).toBeLessThan(1e-4);
  });

  it.skipIf(!hasPython)("gives its map to a Python program", () => {
    expect(errorOf("python3", join(folder, "program.py"), pythonProgram)).toBeLessThan(1e-4);
  });
});

describe("inspect --image", () => {
  it("lists the top classes under each preprocessing and draws what the network sees", async () => {
    const out = mkdtempSync(join(tmpdir(), "onnx-saliency-inspect-"));
    const picture = join(out, "seen.png");
    const result = await runCli(["inspect", "--image", "examples/chelsea.png", "--out", picture]);
    expect(result.stderr).toBe("");
    expect(result.stdout).toMatch(/tiger cat \(282\) +> efficientnet-lite\n/);
    for (const name of ["imagenet", "minus-one-to-one", "zero-to-one", "zero-to-255", "caffe-bgr"]) {
      expect(result.stdout).toContain(`--preprocess ${name}\n`);
    }
    expect(readFileSync(picture).subarray(1, 4).toString()).toBe("PNG");
    rmSync(out, { recursive: true });
  });

  it("wants a photograph for the picture", async () => {
    const result = await runCli(["inspect", "--out", "seen.png"]);
    expect(result.status).toBe(2);
    expect(result.stderr).toContain("--out: expected --image PHOTO with it, got none.");
  });
});
