import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { encodeModel, floatBytes, smallModel, smallWeights } from "../../tests/models/small-onnx.ts";
import { ModelError } from "../errors.ts";
import type { Attribute, GraphNode } from "../graph/graph.ts";
import { ModelProtoSchema, type ModelProto } from "./generated/onnx-ml_pb.ts";
import type { OnnxModel } from "./model.ts";
import { readModel } from "./read.ts";
import { writeModel, writeWholeModel } from "./write.ts";

const bytes = encodeModel(smallModel());

/** The written form of a model's message, with float_data as raw_data and `ai.onnx` as the empty domain. */
function normalized(message: ModelProto): ModelProto {
  const b = message.graph?.initializer.find(({ name }) => name === "b");
  if (b !== undefined && b.floatData.length > 0)
    Object.assign(b, { rawData: floatBytes(b.floatData), floatData: [] });
  for (const node of message.graph?.node ?? []) if (node.domain === "ai.onnx") node.domain = "";
  return message;
}

function decode(encoded: Uint8Array): ModelProto {
  return fromBinary(ModelProtoSchema, encoded);
}

describe("writeModel", () => {
  it("gives back every field of an unchanged model", () => {
    const written = decode(writeWholeModel(readModel(bytes)));
    expect(normalized(written)).toEqual(normalized(decode(bytes)));
  });

  it("leaves the weights in their file and lists it", () => {
    const { bytes: written, externalFiles } = writeModel(readModel(bytes, { location: "m.onnx" }));
    expect(externalFiles).toEqual([{ location: "m.onnx", source: bytes }]);
    expect(written.length).toBeLessThan(bytes.length - smallWeights.w.byteLength);
  });

  it("keeps weights in place through two rounds", () => {
    const first = readModel(bytes, { location: "m.onnx" });
    const second = readModel(writeModel(first).bytes, {
      location: "other.onnx",
      dataFiles: [{ location: "m.onnx", bytes }],
    });
    expect(second.graph.initializers.get("w")?.data).toEqual(first.graph.initializers.get("w")?.data);
    expect(normalized(decode(writeWholeModel(second)))).toEqual(normalized(decode(bytes)));
  });

  it("writes what passes changed and keeps the rest of a node", () => {
    const model = readModel(bytes);
    const nodes = model.graph.nodes.map((node): GraphNode =>
      node.opType === "Gemm"
        ? { ...node, attributes: { alpha: { kind: "float", value: 0.5 } }, outputs: ["h"] }
        : node,
    );
    const changed: OnnxModel = {
      ...model,
      graph: { ...model.graph, nodes },
      metadata: new Map([["a", "b"]]),
    };
    const written = decode(writeModel(changed).bytes);
    expect(written.graph?.node[0]).toMatchObject({
      opType: "Gemm",
      docString: "x w + b",
      attribute: [{ name: "alpha", f: 0.5 }],
    });
    expect(written.graph?.quantizationAnnotation).toHaveLength(1);
    expect(written.metadataProps).toMatchObject([{ key: "a", value: "b" }]);
    expect(written.functions).toHaveLength(1);
  });

  it.each<[string, Attribute]>([
    ["int", { kind: "int", value: -3 }],
    ["the largest int64", { kind: "int", value: 2 ** 63 }],
    ["the smallest int64", { kind: "ints", value: [-(2 ** 63), 7] }],
    ["float", { kind: "float", value: 1.5 }],
    ["floats", { kind: "floats", value: [0, -1.5] }],
    ["string", { kind: "string", value: "constant" }],
    ["strings", { kind: "strings", value: ["a", "ä"] }],
  ])("writes and reads an attribute: %s", (_, attribute) => {
    const node: GraphNode = {
      name: "n",
      opType: "Own",
      domain: "own",
      inputs: [],
      outputs: ["y"],
      attributes: { a: attribute },
    };
    const graph = {
      name: "g",
      inputs: [],
      outputs: [{ name: "y", type: "float32", dims: ["batch", 3, ""] }] as const,
      nodes: [node],
      initializers: new Map(),
      valueInfo: new Map(),
    };
    const read = readModel(writeModel({ graph, opsets: new Map([["", 17]]) }).bytes);
    expect(read.graph.nodes[0]?.attributes["a"]).toEqual(attribute);
    expect(read.graph.outputs[0]?.dims).toEqual(["batch", 3, ""]);
  });

  it("says which data file is missing", () => {
    const model = readModel(bytes, { location: "m.onnx" });
    expect(() => writeModel({ ...model, files: [] })).toThrow(ModelError);
    expect(() => writeModel({ ...model, files: [] })).toThrow(/'m.onnx' is missing/);
  });
});
