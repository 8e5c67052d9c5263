import { describe, expect, it } from "vitest";
import { ModelError } from "../../errors.ts";
import { int64, tensor, type AnyTensor, type ElementType } from "../../tensor/tensor.ts";
import type { Attribute, Attributes, Graph, GraphNode, Initializer, Shape } from "../graph.ts";
import { prepareGraph, type PreparedGraph, type PrepareOptions } from "./index.ts";

const int = (value: number): Attribute => ({ kind: "int", value });
const ints = (...value: readonly number[]): Attribute => ({ kind: "ints", value });

function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
  domain = "",
): GraphNode {
  return { name: outputs[0] ?? "", opType, domain, inputs, outputs, attributes };
}

interface Parts {
  readonly inputs?: Readonly<Record<string, Shape>>;
  readonly weights?: Readonly<Record<string, AnyTensor>>;
  readonly nodes: readonly GraphNode[];
  readonly outputs?: readonly string[];
  readonly type?: ElementType;
}

const initializer = (name: string, value: AnyTensor): Initializer => ({
  name,
  type: value.type,
  dims: value.dims,
  data: { kind: "memory", tensor: value },
});

function graphOf({
  inputs = { x: ["batch", 4] },
  weights = {},
  nodes,
  outputs = ["y"],
  type = "float32",
}: Parts): Graph {
  return {
    name: "test",
    inputs: Object.entries(inputs).map(([name, dims]) => ({ name, type, dims })),
    outputs: outputs.map((name) => ({ name, type: "float32", dims: undefined })),
    nodes,
    initializers: new Map(Object.entries(weights).map(([name, value]) => [name, initializer(name, value)])),
    valueInfo: new Map(),
  };
}

function prepare(parts: Parts, opset = 17, options: Partial<PrepareOptions> = {}): PreparedGraph {
  return prepareGraph(graphOf(parts), opset, { inputs: parts.inputs ?? {}, ...options });
}

const ops = ({ graph }: PreparedGraph): readonly string[] => graph.nodes.map(({ opType }) => opType);
const elements = ({ graph }: PreparedGraph, name: string | undefined): readonly number[] => {
  const data = graph.initializers.get(name ?? "")?.data;
  return data?.kind === "memory" ? Array.from(data.tensor.data as Float32Array, Number) : [];
};

describe("prepareGraph", () => {
  it("replaces shape code by a constant that keeps the batch free", () => {
    const prepared = prepare({
      inputs: { x: ["batch", 3, 4] },
      weights: { zero: int64([0], []), axes: int64([0]), rest: int64([12]) },
      nodes: [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["b"]),
        node("Unsqueeze", ["b", "axes"], ["b1"]),
        node("Concat", ["b1", "rest"], ["target"], { axis: int(0) }),
        node("Reshape", ["x", "target"], ["y"]),
      ],
    });
    expect(ops(prepared)).toEqual(["Reshape"]);
    expect(elements(prepared, prepared.graph.nodes[0]?.inputs[1])).toEqual([0, 12]);
    expect(prepared.graph.outputs[0]?.dims).toEqual(["batch", 12]);
  });

  it("merges the batch into windows with -1", () => {
    const prepared = prepare({
      inputs: { x: ["batch", 3, 4] },
      weights: { target: int64([-1, 2]) },
      nodes: [node("Reshape", ["x", "target"], ["y"])],
    });
    expect(prepared.graph.outputs[0]?.dims).toEqual(["6*batch", 2]);
  });

  it("computes an Expand target that depends on the batch in as few nodes as it takes", () => {
    const prepared = prepare({
      inputs: { x: ["batch", 3, 4] },
      weights: {
        token: tensor([1, 2, 3, 4], [1, 1, 4]),
        zero: int64([0], []),
        axes: int64([0]),
        rest: int64([1, 4]),
      },
      nodes: [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["b"]),
        node("Unsqueeze", ["b", "axes"], ["b1"]),
        node("Concat", ["b1", "rest"], ["target"], { axis: int(0) }),
        node("Expand", ["token", "target"], ["tokens"]),
        node("Concat", ["tokens", "x"], ["y"], { axis: int(1) }),
      ],
    });
    expect(ops(prepared)).toEqual(["Shape", "Mul", "Add", "Expand", "Concat"]);
    expect(prepared.graph.outputs[0]?.dims).toEqual(["batch", 4, 4]);
  });

  it("drops nodes that do nothing and keeps the names of the graph outputs", () => {
    const prepared = prepare({
      weights: { w: tensor([1, 1, 1, 1], [4]) },
      nodes: [
        node("Identity", ["w"], ["w2"]),
        node("Dropout", ["x"], ["d", "mask"]),
        node("Cast", ["d"], ["c"], { to: int(1) }),
        node("Mul", ["c", "w2"], ["m"]),
        node("Transpose", ["m"], ["t"], { perm: ints(0, 1) }),
        node("Identity", ["t"], ["y"]),
        node("Identity", ["y"], ["z"]),
      ],
      outputs: ["y", "z"],
    });
    expect(prepared.graph.nodes.map(({ opType, inputs, outputs }) => [opType, inputs, outputs])).toEqual([
      ["Mul", ["x", "w"], ["y"]],
      ["Identity", ["y"], ["z"]],
    ]);
    expect(prepared.aliases.get("w2")).toBe("w");
  });

  it("keeps a transposition that moves data although the shape stays", () => {
    const square = prepare({
      inputs: { x: [3, 3] },
      nodes: [node("Transpose", ["x"], ["y"], { perm: ints(1, 0) })],
    });
    expect(ops(square)).toEqual(["Transpose"]);
  });

  it("keeps a Slice that reverses an axis", () => {
    const prepared = prepare({
      weights: { start: int64([-1]), end: int64([-9]), axis: int64([1]), step: int64([-1]) },
      nodes: [node("Slice", ["x", "start", "end", "axis", "step"], ["y"])],
    });
    expect(ops(prepared)).toEqual(["Slice"]);
  });

  it("treats weights that are listed as inputs as constants", () => {
    const prepared = prepare({
      inputs: { x: ["batch", 4], w: [4] },
      weights: { w: tensor([1, 2, 3, 4], [4]) },
      nodes: [node("Mul", ["x", "w"], ["y"])],
    });
    expect(prepared.graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(prepared.constants.has("w")).toBe(true);
  });

  it("turns Constant nodes of every form into initializers", () => {
    const prepared = prepare({
      nodes: [
        node("Constant", [], ["a"], { value_float: { kind: "float", value: 2 } }),
        node("Constant", [], ["b"], {
          value: { kind: "tensor", value: initializer("t", tensor([1, 2, 3, 4], [4])) },
        }),
        node("Constant", [], ["s"], { value_ints: ints(0, 2, 2) }),
        node("Mul", ["x", "a"], ["m"]),
        node("Add", ["m", "b"], ["n"]),
        node("Reshape", ["n", "s"], ["y"]),
      ],
    });
    expect(ops(prepared)).toEqual(["Mul", "Add", "Reshape"]);
    expect(elements(prepared, "b")).toEqual([1, 2, 3, 4]);
  });

  it("inlines a function, its attributes and their defaults", () => {
    const body = {
      inputs: ["a"],
      outputs: ["r"],
      attributeDefaults: { beta: { kind: "float", value: 0.25 } },
      nodes: [
        node("LeakyRelu", ["a"], ["h"], { alpha: { kind: "opaque", proto: { refAttrName: "slope" } } }),
        node("HardSigmoid", ["h"], ["r"], { beta: { kind: "opaque", proto: { refAttrName: "beta" } } }),
      ],
    } as const;
    const call = node("Act", ["x"], ["u"], { slope: { kind: "float", value: 0.5 } }, "local");
    const prepared = prepare(
      { nodes: [call, { ...call, inputs: ["u"], outputs: ["y"], name: "again" }] },
      17,
      {
        functions: new Map([["local:Act", body]]),
      },
    );
    expect(ops(prepared)).toEqual(["LeakyRelu", "HardSigmoid", "LeakyRelu", "HardSigmoid"]);
    expect(prepared.graph.nodes[0]?.attributes).toEqual({ alpha: { kind: "float", value: 0.5 } });
    expect(prepared.graph.nodes[1]?.attributes).toEqual({ beta: { kind: "float", value: 0.25 } });
    expect(prepared.graph.nodes[3]?.outputs).toEqual(["y"]);
  });

  it("refuses functions that call each other without end", () => {
    const body = { inputs: ["a"], outputs: ["r"], nodes: [node("F", ["a"], ["r"], {}, "local")] };
    expect(() =>
      prepare({ nodes: [node("F", ["x"], ["y"], {}, "local")] }, 17, {
        functions: new Map([["local:F", body]]),
      }),
    ).toThrow("without end");
  });

  it("inlines the branch of an If that a shape decides", () => {
    const branch = (opType: string): Graph =>
      graphOf({ inputs: {}, nodes: [node(opType, ["x"], ["r"])], outputs: ["r"] });
    const prepared = prepare({
      weights: { one: int64([1], []), four: int64([4], []) },
      nodes: [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "one"], ["n"]),
        node("Equal", ["n", "four"], ["c"]),
        node("If", ["c"], ["y"], {
          then_branch: { kind: "graph", value: branch("Relu") },
          else_branch: { kind: "graph", value: branch("Abs") },
        }),
      ],
    });
    expect(prepared.graph.nodes.map(({ opType, outputs }) => [opType, outputs])).toEqual([["Relu", ["y"]]]);
  });

  it("nests the concats of a dense block", () => {
    const concat = (inputs: readonly string[], output: string) =>
      node("Concat", inputs, [output], { axis: int(1) });
    const prepared = prepare({
      nodes: [
        node("Relu", ["x"], ["a"]),
        concat(["x", "a"], "ab"),
        node("Relu", ["ab"], ["b"]),
        concat(["x", "a", "b"], "abc"),
        node("Relu", ["abc"], ["c"]),
        concat(["x", "a", "b", "c"], "y"),
      ],
    });
    expect(
      prepared.graph.nodes.filter(({ opType }) => opType === "Concat").map(({ inputs }) => inputs),
    ).toEqual([
      ["x", "a"],
      ["ab", "b"],
      ["abc", "c"],
    ]);
  });

  it("leaves what it cannot follow and says why", () => {
    const prepared = prepare({
      nodes: [
        node("Mystery", ["x"], ["m"], {}, "custom"),
        node("Relu", ["m"], ["r"]),
        node("Relu", ["x"], ["y"]),
      ],
      outputs: ["y", "r"],
    });
    expect(prepared.known.has("r")).toBe(false);
    expect(prepared.unknown.get("r")).toContain("custom.Mystery");
    expect(prepared.graph.outputs[0]?.dims).toEqual(["batch", 4]);
  });

  it("does not fold random numbers, and keeps large constants for ONNX Runtime", () => {
    const prepared = prepare({
      weights: { big: int64([100, 100]), four: int64([4]) },
      nodes: [
        node("RandomNormal", [], ["noise"], { shape: ints(4) }),
        node("Add", ["x", "noise"], ["n"]),
        node("ConstantOfShape", ["big"], ["plane"]),
        node("ReduceSum", ["plane"], ["sum"], { keepdims: int(0) }),
        node("Add", ["n", "sum"], ["y"]),
      ],
    });
    expect(ops(prepared)).toEqual(["RandomNormal", "Add", "ConstantOfShape", "ReduceSum", "Add"]);
    expect(prepared.constants.has("sum")).toBe(true);
    expect(prepared.constants.has("noise")).toBe(false);
  });

  it("sorts nodes that are out of order and refuses a cycle", () => {
    const swapped = prepare({ nodes: [node("Abs", ["a"], ["y"]), node("Relu", ["x"], ["a"])] });
    expect(ops(swapped)).toEqual(["Relu", "Abs"]);
    expect(() => prepare({ nodes: [node("Add", ["x", "y"], ["a"]), node("Relu", ["a"], ["y"])] })).toThrow(
      "cannot be put in order",
    );
    expect(() => prepare({ nodes: [node("Add", ["x", "nothing"], ["y"])] })).toThrow("nothing defines");
  });

  it("refuses opset 6 with a way out", () => {
    expect(() => prepare({ nodes: [node("Relu", ["x"], ["y"])] }, 6)).toThrow(ModelError);
    expect(() => prepare({ nodes: [node("Relu", ["x"], ["y"])] }, 6)).toThrow("version_converter");
  });
});
