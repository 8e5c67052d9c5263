import { describe, expect, it } from "vitest";
import { tensor } from "../../tensor/tensor.ts";
import type { Attribute, Attributes, Graph, GraphNode, Shape } from "../graph.ts";
import { prepareGraph } from "./index.ts";

const int = (value: number): Attribute => ({ kind: "int", value });
const ints = (...value: readonly number[]): Attribute => ({ kind: "ints", value });
const text = (value: string): Attribute => ({ kind: "string", value });
const floats = (...value: readonly number[]): Attribute => ({ kind: "floats", value });
const float = (value: number): Attribute => ({ kind: "float", value });

/** Prepares one node and gives the nodes that come out, with constant operands as plain numbers. */
function upgraded(
  opType: string,
  opset: number,
  attributes: Attributes,
  dims: Shape = ["batch", 3, 4, 4],
  more: { readonly inputs?: readonly string[]; readonly outputs?: readonly string[] } = {},
) {
  const only: GraphNode = {
    name: "n",
    opType,
    domain: "",
    inputs: ["x", ...(more.inputs ?? [])],
    outputs: more.outputs ?? ["y"],
    attributes,
  };
  const statistic = tensor([1, 1, 1], [3]);
  const graph: Graph = {
    name: "g",
    inputs: [{ name: "x", type: "float32", dims }],
    outputs: [{ name: "y", type: "float32", dims: undefined }],
    nodes: [only],
    initializers: new Map([
      ["w", { name: "w", type: "float32", dims: [3], data: { kind: "memory", tensor: statistic } }],
    ]),
    valueInfo: new Map(),
  };
  const prepared = prepareGraph(graph, opset, { inputs: { x: dims } });
  const nodes = prepared.graph.nodes.map((node) => {
    const operands = node.inputs.slice(1).map((input) => {
      const data = prepared.graph.initializers.get(input)?.data;
      if (input === "w" || data?.kind !== "memory") return input;
      return Array.from(data.tensor.data as Float32Array, Number);
    });
    return { op: node.opType, operands, attributes: node.attributes };
  });
  return { nodes, dims: prepared.graph.outputs[0]?.dims, opset: prepared.opset };
}

describe("upgrade of old operator forms to opset 17", () => {
  it.each([
    ["Clip", 7, { min: float(0), max: float(6) }, [[0], [6]]],
    ["Clip", 10, { max: float(6) }, ["", [6]]],
    ["Slice", 9, { starts: ints(1), ends: ints(3), axes: ints(2) }, [[1], [3], [2]]],
    [
      "Slice",
      9,
      { starts: ints(0, 1), ends: ints(1, 2) },
      [
        [0, 1],
        [1, 2],
        [0, 1],
      ],
    ],
    ["Pad", 10, { pads: ints(0, 0, 1, 1, 0, 0, 1, 1), value: float(-1) }, [[0, 0, 1, 1, 0, 0, 1, 1], [-1]]],
    ["ReduceSum", 11, { axes: ints(2, 3) }, [[2, 3]]],
    ["Unsqueeze", 11, { axes: ints(0) }, [[0]]],
    ["Split", 11, { axis: int(1), split: ints(1, 2) }, [[1, 2]]],
    ["TopK", 9, { axis: int(1), k: int(2) }, [[2]]],
  ] as const)("%s of opset %i takes its lists as inputs", (op, opset, attributes, operands) => {
    const outputs = op === "TopK" || op === "Split" ? ["y", "second"] : ["y"];
    const dims: Shape = op === "Slice" && !("axes" in attributes) ? [4, 4, 4, 4] : ["batch", 3, 4, 4];
    const { nodes, opset: result } = upgraded(op, opset, attributes, dims, { outputs });
    expect(nodes[0]?.operands).toEqual(operands);
    expect(Object.keys(nodes[0]?.attributes ?? {})).not.toEqual(expect.arrayContaining(["axes"]));
    expect(result).toBe(17);
  });

  it("reads INT64_MAX in a list, which is not a safe integer", () => {
    const ends: Attribute = { kind: "opaque", proto: { ints: [2n ** 63n - 1n] } };
    const { nodes, dims } = upgraded("Slice", 9, { starts: ints(1), ends, axes: ints(3) });
    expect(nodes[0]?.operands[1]).toEqual([2 ** 63]);
    expect(dims).toEqual(["batch", 3, 4, 3]);
  });

  it("makes Upsample a Resize with the old coordinates", () => {
    const { nodes, dims } = upgraded("Upsample", 7, { mode: text("linear"), scales: floats(1, 1, 2, 3) });
    expect(nodes[0]).toMatchObject({ op: "Resize", operands: ["", [1, 1, 2, 3]] });
    expect(nodes[0]?.attributes).toEqual({
      mode: text("linear"),
      coordinate_transformation_mode: text("asymmetric"),
      nearest_mode: text("floor"),
    });
    expect(dims).toEqual(["batch", 3, 8, 12]);
  });

  it("keeps one axis of an old Softmax where only one is longer than 1", () => {
    expect(upgraded("Softmax", 11, {}, ["batch", 10]).nodes[0]?.attributes["axis"]).toEqual(int(1));
    expect(upgraded("Softmax", 11, {}, ["batch", 10, 1, 1]).nodes[0]?.attributes["axis"]).toEqual(int(1));
    expect(upgraded("Softmax", 11, { axis: int(-1) }, ["batch", 5, 10]).nodes[0]?.attributes["axis"]).toEqual(
      int(2),
    );
  });

  it("flattens an old Softmax over several axes", () => {
    const { nodes, dims } = upgraded("LogSoftmax", 12, {}, ["batch", 10, 4]);
    expect(nodes.map((node) => node.op)).toEqual(["Flatten", "LogSoftmax", "Reshape"]);
    expect(dims).toEqual(["batch", 10, 4]);
  });

  it("leaves the newer Softmax alone", () => {
    expect(upgraded("Softmax", 13, {}, ["batch", 10, 4]).nodes.map((node) => node.op)).toEqual(["Softmax"]);
  });

  it("keeps one output of an old BatchNormalization", () => {
    const { nodes } = upgraded("BatchNormalization", 7, { spatial: int(1) }, ["batch", 3, 4, 4], {
      inputs: ["w", "w", "w", "w"],
      outputs: ["y", "mean", "var"],
    });
    expect(nodes[0]).toMatchObject({ op: "BatchNormalization", attributes: {} });
  });
});
