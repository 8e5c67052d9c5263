import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { AbortedError, ModelError, ParameterError, RuntimeUnavailableError } from "../errors.ts";
import type { Graph, GraphNode, Initializer } from "../graph/graph.ts";
import { toHalf } from "../tensor/half.ts";
import { writeModel, type WritableModel } from "../onnx/write.ts";
import { tensor, type AnyTensor, type ElementType } from "../tensor/tensor.ts";
import { NodeRuntime } from "./session-node.ts";
import type { SerializedModel } from "./session.ts";

const runtime = new NodeRuntime({ threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "session-"));
afterAll(async () => {
  await runtime.close();
  rmSync(folder, { recursive: true });
});

function node(
  opType: string,
  inputs: readonly string[],
  attributes: GraphNode["attributes"] = {},
): GraphNode {
  return { name: "", opType, domain: "", inputs, outputs: ["y"], attributes };
}

/** A model of one node: inputs of the given types with symbolic sizes, output `y`. */
function oneNode(
  one: GraphNode,
  inputs: Readonly<Record<string, ElementType>>,
  output: ElementType,
  initializers: readonly Initializer[] = [],
): SerializedModel {
  const graph: Graph = {
    name: "one",
    inputs: Object.entries(inputs).map(([name, type]) => ({ name, type, dims: ["n"] })),
    outputs: [{ name: "y", type: output, dims: undefined }],
    nodes: [one],
    initializers: new Map(initializers.map((initializer) => [initializer.name, initializer])),
    valueInfo: new Map(),
  };
  const model: WritableModel = { graph, opsets: new Map([["", 17]]) };
  return writeModel(model);
}

/** y = x + w, w in a file at byte 8. */
function addFromFile(files: SerializedModel["externalFiles"], location = "weights.bin"): SerializedModel {
  const w: Initializer = {
    name: "w",
    type: "float32",
    dims: [3],
    data: { kind: "external", location, offset: 8, length: 12 },
  };
  const graph: Graph = {
    name: "add",
    inputs: [{ name: "x", type: "float32", dims: [3] }],
    outputs: [{ name: "y", type: "float32", dims: [3] }],
    nodes: [node("Add", ["x", "w"])],
    initializers: new Map([["w", w]]),
    valueInfo: new Map(),
  };
  const modelFiles = files.map((file) => ({ ...file, bytes: { size: 0, read: () => new Uint8Array() } }));
  return writeModel({ graph, opsets: new Map([["", 17]]), files: modelFiles });
}
const weights = new Uint8Array(Float32Array.of(0, 0, 10, 20, 30).buffer);

async function runOnce(
  model: SerializedModel,
  feeds: Record<string, AnyTensor>,
): Promise<AnyTensor | undefined> {
  const session = await runtime.createSession(model);
  const { y } = await session.run(feeds);
  await session.release();
  return y;
}

describe("NodeRuntime", () => {
  it("runs a model and leaves the caller's arrays alone", async () => {
    const session = await runtime.createSession(oneNode(node("Neg", ["x"]), { x: "float32" }, "float32"));
    const whole = Float32Array.of(7, 1, 2, 7);
    const x = tensor(whole.subarray(1, 3), [2]);
    const { y } = await session.run({ x });
    expect(y).toEqual(tensor([-1, -2], [2]));
    expect([...whole]).toEqual([7, 1, 2, 7]);
    await session.release();
    await expect(session.run({ x })).rejects.toThrow(ModelError);
  });

  it.each<[ElementType, AnyTensor["data"], AnyTensor["data"]]>([
    ["float16", Uint16Array.from([1.5, -2], toHalf), Uint16Array.from([3, -4], toHalf)],
    ["float64", Float64Array.of(1.5, -2), Float64Array.of(3, -4)],
    ["int64", BigInt64Array.of(1n << 40n, -2n), BigInt64Array.of(1n << 41n, -4n)],
    ["int32", Int32Array.of(5, -2), Int32Array.of(10, -4)],
  ])("passes %s both ways", async (type, data, doubled) => {
    const y = await runOnce(oneNode(node("Add", ["x", "x"]), { x: type }, type), {
      x: { type, dims: [2], data },
    });
    expect(y).toEqual({ type, dims: [2], data: doubled });
  });

  it("passes booleans and strings both ways", async () => {
    const not = oneNode(node("Not", ["x"]), { x: "bool" }, "bool");
    const flags: AnyTensor = { type: "bool", dims: [2], data: Uint8Array.of(1, 0) };
    expect((await runOnce(not, { x: flags }))?.data).toEqual(Uint8Array.of(0, 1));
    const same = oneNode(node("Identity", ["x"]), { x: "string" }, "string");
    const words: AnyTensor = { type: "string", dims: [2], data: ["cat", "Käfer"] };
    expect((await runOnce(same, { x: words }))?.data).toEqual(["cat", "Käfer"]);
  });

  it("returns only the outputs asked for, and names a missing feed", async () => {
    const session = await runtime.createSession(oneNode(node("Neg", ["x"]), { x: "float32" }, "float32"));
    expect(Object.keys(await session.run({ x: tensor([1], [1]) }, ["y"]))).toEqual(["y"]);
    await expect(session.run({})).rejects.toThrow(/x/);
    await session.release();
  });

  it("reads weights from a file on disk by offset", async () => {
    const path = join(folder, "weights.bin");
    writeFileSync(path, weights);
    const model = addFromFile([{ location: "weights.bin", source: { path } }]);
    expect((await runOnce(model, { x: tensor([1, 2, 3], [3]) }))?.data).toEqual(Float32Array.of(11, 22, 33));
  });

  it("reads weights from memory by offset without taking the memory away", async () => {
    const source = new Uint8Array(weights);
    const model = addFromFile([{ location: "weights.bin", source }]);
    expect((await runOnce(model, { x: tensor([1, 2, 3], [3]) }))?.data).toEqual(Float32Array.of(11, 22, 33));
    expect(source).toEqual(weights);
  });

  it("reads weights behind a symbolic link and in files named otherwise than their location", async () => {
    mkdirSync(join(folder, "blobs"), { recursive: true });
    mkdirSync(join(folder, "snapshot"), { recursive: true });
    writeFileSync(join(folder, "blobs", "abc"), weights);
    const link = join(folder, "snapshot", "weights.bin");
    symlinkSync(join("..", "blobs", "abc"), link);
    for (const path of [link, join(folder, "blobs", "abc")]) {
      const model = addFromFile([{ location: "weights.bin", source: { path } }]);
      expect((await runOnce(model, { x: tensor([1, 2, 3], [3]) }))?.data).toEqual(
        Float32Array.of(11, 22, 33),
      );
    }
  });

  it("reads one file from disk, one from another folder and one from memory for the same model", async () => {
    const external = (name: string, offset: number): Initializer => ({
      name,
      type: "float32",
      dims: [1],
      data: { kind: "external", location: `${name}.bin`, offset, length: 4 },
    });
    const graph: Graph = {
      name: "sum",
      inputs: [{ name: "x", type: "float32", dims: [1] }],
      outputs: [{ name: "y", type: "float32", dims: [1] }],
      nodes: [node("Sum", ["x", "a", "b", "c"])],
      initializers: new Map([external("a", 8), external("b", 12), external("c", 16)].map((t) => [t.name, t])),
      valueInfo: new Map(),
    };
    mkdirSync(join(folder, "elsewhere"), { recursive: true });
    writeFileSync(join(folder, "a.bin"), weights);
    writeFileSync(join(folder, "elsewhere", "b.bin"), weights);
    const bytes = { size: weights.length, read: () => weights };
    const files = [
      { location: "a.bin", source: { path: join(folder, "a.bin") }, bytes },
      { location: "b.bin", source: { path: join(folder, "elsewhere", "b.bin") }, bytes },
      { location: "c.bin", source: weights, bytes },
    ];
    const model = writeModel({ graph, opsets: new Map([["", 17]]), files });
    expect((await runOnce(model, { x: tensor([1], [1]) }))?.data).toEqual(Float32Array.of(61));
  });

  it("rejects at once when the signal fires, and keeps working", async () => {
    const session = await runtime.createSession(oneNode(node("Neg", ["x"]), { x: "float32" }, "float32"));
    const x = tensor([1], [1]);
    const controller = new AbortController();
    const first = session.run({ x }, undefined, controller.signal);
    const second = session.run({ x }, undefined, controller.signal);
    controller.abort();
    await expect(first).rejects.toThrow(AbortedError);
    await expect(second).rejects.toThrow(AbortedError);
    await expect(session.run({ x }, undefined, controller.signal)).rejects.toThrow(AbortedError);
    expect((await session.run({ x }))["y"]?.data).toEqual(Float32Array.of(-1));
    await session.release();
  });

  it("does not block the event loop while a model runs", async () => {
    // 1024^3 multiplications take far longer than a timer of 1 ms.
    const size = 1024;
    const model = oneNode(node("MatMul", ["x", "x"]), { x: "float32" }, "float32");
    const session = await runtime.createSession({
      ...model,
      bytes: writeModel({
        graph: {
          name: "square",
          inputs: [{ name: "x", type: "float32", dims: [size, size] }],
          outputs: [{ name: "y", type: "float32", dims: [size, size] }],
          nodes: [node("MatMul", ["x", "x"])],
          initializers: new Map(),
          valueInfo: new Map(),
        },
        opsets: new Map([["", 17]]),
      }).bytes,
    });
    const order: string[] = [];
    const run = session
      .run({ x: tensor(new Float32Array(size * size), [size, size]) })
      .then(() => order.push("run"));
    await new Promise((resolve) => setTimeout(resolve, 1));
    order.push("timer");
    await run;
    expect(order).toEqual(["timer", "run"]);
    await session.release();
  });

  it("says what ONNX Runtime dislikes about a model", async () => {
    const model = oneNode(node("NoSuchOperator", ["x"]), { x: "float32" }, "float32");
    await expect(runtime.createSession(model)).rejects.toThrow(
      /ONNX Runtime refuses the model: .*NoSuchOperator/s,
    );
  });

  it("refuses types that ONNX Runtime does not take", async () => {
    const session = await runtime.createSession(
      oneNode(node("Identity", ["x"]), { x: "float32" }, "float32"),
    );
    const x: AnyTensor = { type: "bfloat16", dims: [1], data: Uint16Array.of(0) };
    await expect(session.run({ x })).rejects.toThrow(ParameterError);
    await session.release();
  });

  it("says how to get ONNX Runtime where it is missing, and what a device needs", async () => {
    const model = oneNode(node("Neg", ["x"]), { x: "float32" }, "float32");
    const absent = new NodeRuntime({ packagePath: join(folder, "nothing.js") });
    await expect(absent.createSession(model)).rejects.toThrow(RuntimeUnavailableError);
    const other = new NodeRuntime({ device: process.platform === "darwin" ? "dml" : "coreml" });
    await expect(other.createSession(model)).rejects.toThrow(/device (dml|coreml): not available here/);
    await Promise.all([absent.close(), other.close()]);
  });

  it("rejects what is pending when the worker dies or is closed", async () => {
    const model = oneNode(node("Neg", ["x"]), { x: "float32" }, "float32");
    const file = join(folder, "dying.cjs");
    writeFileSync(
      file,
      "exports.listSupportedBackends = () => []; exports.InferenceSession = { create: () => process.exit(3) };",
    );
    const dying = new NodeRuntime({ packagePath: file });
    await expect(dying.createSession(model)).rejects.toThrow(/worker ended unexpectedly \(exit code 3\)/);
    await expect(dying.createSession(model)).rejects.toThrow(ModelError);
    const closed = new NodeRuntime({ threads: 1 });
    const pending = closed.createSession(model).catch((error: unknown) => error);
    await closed.close();
    expect(String(await pending)).toMatch(/closed/);
  });

  // If it could not, the process would be aborted and take this whole file along.
  it.each([0, 10, 30, 60, 100])(
    "can be closed %s ms after it was made, while ONNX Runtime is being loaded",
    async (delay) => {
      const runtime = new NodeRuntime({ threads: 1 });
      await new Promise((resolve) => setTimeout(resolve, delay));
      await expect(runtime.close()).resolves.toBeUndefined();
    },
  );

  it.each([0, 1.5, 2000])("refuses %s threads", (threads) => {
    expect(() => new NodeRuntime({ threads })).toThrow(ParameterError);
  });
});
