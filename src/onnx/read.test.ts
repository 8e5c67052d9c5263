import { existsSync, readdirSync, readFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  encodeModel,
  floatBytes,
  floatType,
  smallModel,
  smallWeights,
} from "../../tests/models/small-onnx.ts";
import { ModelError } from "../errors.ts";
import { toHalf } from "../tensor/half.ts";
import type { TensorData } from "../tensor/tensor.ts";
import {
  GraphProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  type TensorProto,
} from "./generated/onnx-ml_pb.ts";
import { fetchInitializer } from "./initializer.ts";
import { functionKey, type OnnxModel } from "./model.ts";
import { readModel } from "./read.ts";

function graphOf(message: ModelProto): GraphProto {
  if (message.graph === undefined) throw new Error("the test model has a graph");
  return message.graph;
}

/** The small model with one more initializer, `t`. */
function withTensor(tensor: Partial<TensorProto>): OnnxModel {
  const message = smallModel();
  const { initializer } = create(GraphProtoSchema, { initializer: [{ name: "t", ...tensor } as never] });
  graphOf(message).initializer.push(...initializer);
  return readModel(encodeModel(message));
}

function tensorOf(model: OnnxModel, name: string): TensorData {
  const initializer = model.graph.initializers.get(name);
  if (initializer === undefined) throw new Error(`no initializer ${name}`);
  return fetchInitializer(model, initializer).data;
}

describe("readModel", () => {
  const bytes = encodeModel(smallModel());
  const model = readModel(bytes, { location: "small.onnx" });

  it("reads what the model says of itself", () => {
    expect(model.irVersion).toBe(8);
    expect([...model.opsets]).toEqual([
      ["", 17],
      ["own", 1],
    ]);
    expect(model.metadata.get("classes")).toBe("cat,dog");
    expect(model.producer).toEqual({ name: "by hand", version: "1" });
    expect(model.graph.inputs[0]).toMatchObject({ name: "x", type: "float32", dims: ["n", 4] });
    expect(model.graph.nodes.map((node) => node.opType)).toEqual([
      "Gemm",
      "Relu",
      "If",
      "Add",
      "Twice",
      "Add",
    ]);
    expect(model.graph.nodes[1]?.domain).toBe("");
    expect(model.functions.get(functionKey("own", "Twice"))?.nodes[0]?.inputs).toEqual(["t", "t"]);
  });

  it("leaves tensors of 1 KiB and more in the file, raw_data and float_data alike", () => {
    for (const [name, values] of Object.entries(smallWeights)) {
      const data = model.graph.initializers.get(name)?.data;
      expect(data).toMatchObject({ kind: "external", location: "small.onnx", length: values.byteLength });
      if (data?.kind !== "external") continue;
      expect(bytes.subarray(data.offset, data.offset + data.length)).toEqual(floatBytes(values));
      expect(tensorOf(model, name)).toEqual(values);
    }
    expect(model.externalLocations).toEqual(["small.onnx"]);
  });

  it("decodes small tensors, and graphs and tensors in attributes", () => {
    expect(model.graph.initializers.get("flag")?.data).toEqual({
      kind: "memory",
      tensor: { type: "bool", dims: [], data: Uint8Array.of(1) },
    });
    const branch = model.graph.nodes[2]?.attributes["then_branch"];
    expect(branch?.kind === "graph" && branch.value.nodes[0]?.attributes["value"]).toMatchObject({
      kind: "tensor",
      value: { dims: [256], data: { kind: "external", length: 1024 } },
    });
  });

  it.each<[keyof typeof DataType, Partial<TensorProto>, TensorData]>([
    ["FLOAT", { floatData: [1.5, -2] }, Float32Array.of(1.5, -2)],
    ["DOUBLE", { doubleData: [1.5, -2] }, Float64Array.of(1.5, -2)],
    ["INT64", { int64Data: [-1n, 1n << 60n] }, BigInt64Array.of(-1n, 1n << 60n)],
    ["UINT64", { uint64Data: [0n, 1n << 63n] }, BigUint64Array.of(0n, 1n << 63n)],
    ["UINT32", { uint64Data: [0n, 4294967295n] }, Uint32Array.of(0, 4294967295)],
    ["INT32", { int32Data: [-1, 7] }, Int32Array.of(-1, 7)],
    ["INT16", { int32Data: [-1, 7] }, Int16Array.of(-1, 7)],
    ["UINT16", { int32Data: [65535, 7] }, Uint16Array.of(65535, 7)],
    ["INT8", { int32Data: [-1, 7] }, Int8Array.of(-1, 7)],
    ["UINT8", { int32Data: [255, 7] }, Uint8Array.of(255, 7)],
    ["FLOAT16", { int32Data: [toHalf(1.5), toHalf(-2)] }, Uint16Array.of(toHalf(1.5), toHalf(-2))],
    ["BFLOAT16", { int32Data: [0x3fc0, 0xc000] }, Uint16Array.of(0x3fc0, 0xc000)],
    ["STRING", { stringData: [Uint8Array.of(0x61), Uint8Array.of(0xc3, 0xa4)] }, ["a", "ä"]],
    ["FLOAT", { rawData: floatBytes([1.5, -2]) }, Float32Array.of(1.5, -2)],
    ["INT4", { rawData: Uint8Array.of(0x21) }, Uint8Array.of(0x21)],
    ["FLOAT8E5M2", { rawData: Uint8Array.of(1, 2) }, Uint8Array.of(1, 2)],
  ])("decodes two elements of %s", (type, content, expected) => {
    const model = withTensor({ dataType: DataType[type], dims: [2n], ...content });
    expect(tensorOf(model, "t")).toEqual(expected);
  });

  it("sorts nodes that are out of order, and names those that cannot be", () => {
    const message = smallModel();
    graphOf(message).node.reverse();
    expect(readModel(encodeModel(message)).graph.nodes.at(-1)?.name).toBe("last");
    const [first] = graphOf(smallModel()).node;
    const cyclic = smallModel();
    const node = graphOf(cyclic).node[0];
    if (node !== undefined) node.input = ["r", "w", "b"];
    expect(() => readModel(encodeModel(cyclic))).toThrow(/depends on itself/);
    if (node !== undefined) node.input = ["nowhere", "w", "b"];
    expect(() => readModel(encodeModel(cyclic))).toThrow(/'nowhere', which nothing defines/);
    expect(first?.name).toBe("product");
  });

  it("takes data files from memory, and reads small tensors out of them", () => {
    const external = (name: string, length: number, location = "./d/w.bin"): Partial<TensorProto> => ({
      name,
      dataType: DataType.FLOAT,
      dims: [BigInt(length / 4)],
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: [
        { key: "location", value: location },
        { key: "offset", value: "4" },
        { key: "length", value: String(length) },
      ] as never,
    });
    const message = smallModel();
    graphOf(message).initializer.push(
      ...create(GraphProtoSchema, { initializer: [external("big", 1024), external("little", 8)] as never })
        .initializer,
    );
    const encoded = encodeModel(message);
    const without = readModel(encoded);
    expect(without.externalLocations).toContain("d/w.bin");
    expect(() => tensorOf(without, "little")).toThrow(/'d\/w.bin', which is missing/);
    const data = floatBytes(Array.from({ length: 300 }, (_, index) => index));
    const model = readModel(encoded, { dataFiles: [{ location: "d/w.bin", bytes: data }] });
    expect(model.graph.initializers.get("little")?.data.kind).toBe("memory");
    expect(tensorOf(model, "little")).toEqual(Float32Array.of(1, 2));
    expect(model.graph.initializers.get("big")?.data).toEqual({
      kind: "external",
      location: "d/w.bin",
      offset: 4,
      length: 1024,
    });
    const short = { dataFiles: [{ location: "d/w.bin", bytes: data.subarray(0, 512) }] };
    expect(() => readModel(encoded, short)).toThrow(/got a file of 512 bytes/);
  });

  it("marks values that are not tensors", () => {
    const message = smallModel();
    graphOf(message).valueInfo.push(
      ...create(GraphProtoSchema, {
        valueInfo: [
          { name: "r", type: { value: { case: "sequenceType", value: { elemType: floatType([1]) } } } },
          { name: "c" },
        ],
      }).valueInfo,
    );
    const { valueInfo } = readModel(encodeModel(message)).graph;
    expect(valueInfo.get("r")?.nonTensor).toBe("sequence");
    expect(valueInfo.get("c")?.nonTensor).toBe("untyped");
    expect(valueInfo.get("h")?.nonTensor).toBeUndefined();
  });

  it("does not look at more of a large file than its small fields", () => {
    const message = smallModel();
    const [w] = graphOf(message).initializer;
    if (w !== undefined) Object.assign(w, { dims: [4n, 1_000_000n], rawData: new Uint8Array(16_000_000) });
    const started = performance.now();
    const model = readModel(encodeModel(message));
    expect(performance.now() - started).toBeLessThan(1000);
    expect(model.graph.initializers.get("w")?.data).toMatchObject({ length: 16_000_000 });
  });
});

const models = new URL("../../../shared/models/", import.meta.url);
describe.skipIf(!existsSync(models))("models of common exporters", () => {
  it("are all read", () => {
    const zoo = readdirSync(new URL("zoo/", models)).map((name) => `zoo/${name}/model.onnx`);
    for (const name of [...zoo, "efficientnet-lite0.onnx"]) {
      const url = new URL(name, models);
      if (!existsSync(url)) continue;
      const model = readModel(new Uint8Array(readFileSync(url)));
      expect(model.graph.nodes.length).toBeGreaterThan(20);
    }
  });
});

it("throws ModelError for what is not a model", () => {
  expect(() => readModel(new Uint8Array())).toThrow(ModelError);
});
