import { afterAll, describe, expect, it } from "vitest";
import { encodeModel, smallModel } from "../../tests/models/small-onnx.ts";
import { AbortedError, ModelError, ParameterError, RuntimeUnavailableError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { toHalf } from "../tensor/half.ts";
import { readModel } from "../onnx/read.ts";
import { writeModel, type WrittenModel } from "../onnx/write.ts";
import { tensor, type AnyTensor } from "../tensor/tensor.ts";
import { NodeRuntime } from "./session-node.ts";
import { WebRuntime } from "./session-web.ts";

const web = new WebRuntime({ ort: () => import("onnxruntime-web"), threads: 1 });
const node = new NodeRuntime({ threads: 1 });
afterAll(async () => {
  await web.close();
  await node.close();
});

const small = writeModel(readModel(encodeModel(smallModel())));
const x = tensor([1, -2, 0.5, 3], [1, 4]);

function halved(): WrittenModel {
  const graph: Graph = {
    name: "half",
    inputs: [{ name: "x", type: "float16", dims: [2] }],
    outputs: [{ name: "y", type: "float16", dims: [2] }],
    nodes: [{ name: "", opType: "Neg", domain: "", inputs: ["x"], outputs: ["y"], attributes: {} }],
    initializers: new Map(),
    valueInfo: new Map(),
  };
  return writeModel({ graph, opsets: new Map([["", 17]]) });
}

describe("WebRuntime", () => {
  it("computes what NodeRuntime computes, weights given as external data", async () => {
    expect(small.externalFiles).toHaveLength(1);
    const here = await web.createSession(small);
    const there = await node.createSession(small);
    const [a, b] = await Promise.all([here.run({ x }), there.run({ x })]);
    expect(a["y"]?.dims).toEqual([1, 256]);
    const other = b["y"]?.data as Float32Array;
    Array.from(a["y"]?.data as Float32Array).forEach((value, index) =>
      expect(value).toBeCloseTo(other[index] ?? Number.NaN, 4),
    );
    expect([...x.data]).toEqual([1, -2, 0.5, 3]);
    await Promise.all([here.release(), there.release()]);
  });

  it("queues runs that overlap, and passes halves as bits", async () => {
    const session = await web.createSession(halved());
    const half: AnyTensor = { type: "float16", dims: [2], data: Uint16Array.from([1, -2], toHalf) };
    const results = await Promise.all([session.run({ x: half }), session.run({ x: half }, ["y"])]);
    for (const { y } of results) expect(y?.data).toEqual(Uint16Array.from([-1, 2], toHalf));
    await session.release();
    await expect(session.run({ x: half })).rejects.toThrow(/was released/);
  });

  it("rejects at once when the signal fires", async () => {
    const session = await web.createSession(halved());
    const half: AnyTensor = { type: "float16", dims: [2], data: Uint16Array.from([1, -2], toHalf) };
    const controller = new AbortController();
    const run = session.run({ x: half }, undefined, controller.signal);
    controller.abort();
    await expect(run).rejects.toThrow(AbortedError);
    await session.release();
  });

  it("says what is wrong with a model, a file, a device or a build", async () => {
    await expect(web.createSession({ bytes: new Uint8Array(9), externalFiles: [] })).rejects.toThrow(
      ModelError,
    );
    const onDisk = { ...small, externalFiles: [{ location: "model.onnx", source: { path: "/m.onnx" } }] };
    await expect(web.createSession(onDisk)).rejects.toThrow(ParameterError);
    const gpu = new WebRuntime({ ort: () => import("onnxruntime-web"), device: "webgpu" });
    await expect(gpu.createSession(small)).rejects.toThrow(RuntimeUnavailableError);
    const offline = new WebRuntime({ ort: () => Promise.reject(new Error("no network")) });
    await expect(offline.createSession(small)).rejects.toThrow(/cannot be loaded: no network/);
    expect(() => new WebRuntime({ ort: () => import("onnxruntime-web"), threads: 0 })).toThrow(
      ParameterError,
    );
  });
});
