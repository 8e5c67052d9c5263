import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { encodeModel, smallModel, smallWeights } from "../../tests/models/small-onnx.ts";
import { ModelError, ParameterError } from "../errors.ts";
import { readModel } from "../onnx/read.ts";
import { writeModel, type WrittenModel } from "../onnx/write.ts";
import { tensor, type TensorData } from "../tensor/tensor.ts";
import { hashModelFiles, readModelFile } from "./model-file-node.ts";
import { NodeRuntime } from "./session-node.ts";
import { writeModelFile } from "./write-model-node.ts";

const folder = mkdtempSync(join(tmpdir(), "model-"));
const runtime = new NodeRuntime({ threads: 1 });
afterAll(async () => {
  await runtime.close();
  rmSync(folder, { recursive: true });
});

const bytes = encodeModel(smallModel());
const x = [1, -2, 0.5, 3];

/** y of the small model, by its formula. */
function expected(): Float32Array {
  return Float32Array.from(smallWeights.b, (bias, column) => {
    let h = bias;
    x.forEach((value, row) => (h += value * (smallWeights.w[row * 256 + column] ?? 0)));
    return 2 * (Math.max(h, 0) + 0.5) + (column === 7 ? 5 : 0);
  });
}

async function run(model: WrittenModel): Promise<TensorData | undefined> {
  const session = await runtime.createSession(model);
  const { y } = await session.run({ x: tensor(x, [1, 4]) });
  await session.release();
  return y?.data;
}

describe("a model read and written again", () => {
  it("computes its formula, and the same bits as the original", async () => {
    const original = await run({ bytes, externalFiles: [] });
    Array.from(original as Float32Array).forEach((value, index) =>
      expect(value).toBeCloseTo(expected()[index] ?? 0, 4),
    );
    expect(await run(writeModel(readModel(bytes)))).toEqual(original);
    const path = join(folder, "small.onnx");
    writeFileSync(path, bytes);
    const model = readModelFile(path);
    expect(await run(writeModel(model))).toEqual(original);
    expect(await writeModelFile(join(folder, "one.onnx"), model)).toEqual([join(folder, "one.onnx")]);
    expect(await run({ bytes: readFileSync(join(folder, "one.onnx")), externalFiles: [] })).toEqual(original);
    const two = await writeModelFile(join(folder, "two.onnx"), model, { externalData: "always" });
    expect(two).toEqual([join(folder, "two.onnx"), join(folder, "two.onnx.data")]);
    expect(await run(writeModel(readModelFile(join(folder, "two.onnx"))))).toEqual(original);
    // Back again from the data file, over the file that it was read from.
    await writeModelFile(join(folder, "two.onnx"), readModelFile(join(folder, "two.onnx")));
    expect(await run(writeModel(readModelFile(join(folder, "two.onnx"))))).toEqual(original);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("leaves nothing behind where writing fails", async () => {
    const path = join(folder, "source.onnx");
    writeFileSync(path, bytes);
    const model = readModelFile(path);
    writeFileSync(path, bytes.subarray(0, 100));
    await expect(writeModelFile(join(folder, "broken.onnx"), model)).rejects.toThrow(/The file has changed/);
    expect(readdirSync(folder).filter((name) => name.includes("broken"))).toEqual([]);
  });

  it("refuses a single file beyond 2 GiB", async () => {
    const graph = readModel(bytes).graph;
    const data = { kind: "external", location: "huge", offset: 0, length: 2 ** 31 } as const;
    const huge = { name: "huge", type: "float32", dims: [2 ** 29], data } as const;
    const model = {
      graph: { ...graph, initializers: new Map([...graph.initializers, ["huge", huge]]) },
      opsets: new Map([["", 17]]),
      files: [
        { location: "huge", source: bytes, bytes: { size: 2 ** 31, read: () => bytes } },
        { location: "model.onnx", source: bytes, bytes: { size: bytes.length, read: () => bytes } },
      ],
    };
    const path = join(folder, "huge.onnx");
    await expect(writeModelFile(path, model, { externalData: "never" })).rejects.toThrow(ParameterError);
  });
});

describe("readModelFile", () => {
  it("names the file and what to do where it is missing, a folder or not a model", () => {
    expect(() => readModelFile(join(folder, "none.onnx"))).toThrow(
      /none.onnx: expected a model file, got no such file/,
    );
    expect(() => readModelFile(folder)).toThrow(/got a folder/);
    const path = join(folder, "page.onnx");
    writeFileSync(path, "<html>404</html>");
    expect(() => readModelFile(path)).toThrow(/page.onnx: expected an ONNX model, got a web page/);
  });

  it("names a data file that is missing, unless it may be", async () => {
    const path = join(folder, "split.onnx");
    await writeModelFile(path, readModel(bytes), { externalData: "always" });
    // Constants of inner graphs stay in the model: ONNX Runtime does not look for them elsewhere.
    expect(readModelFile(path).externalLocations).toEqual(["split.onnx.data", "split.onnx"]);
    rmSync(`${path}.data`);
    expect(() => readModelFile(path)).toThrow(ModelError);
    expect(() => readModelFile(path)).toThrow(/weights are in 'split.onnx.data'.*no such file/s);
    expect(readModelFile(path, { missingData: "ignore" }).graph.nodes).toHaveLength(6);
  });

  it("hashes a model as sha256sum does", async () => {
    const path = join(folder, "hash.onnx");
    writeFileSync(path, bytes);
    const hash = await hashModelFiles(readModelFile(path));
    expect(hash).toBe(await hashModelFiles(readModel(bytes)));
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });
});
