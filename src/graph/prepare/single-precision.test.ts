import { describe, expect, it } from "vitest";
import { floatTensor } from "../../tensor/element-type.ts";
import type { AnyTensor, ElementType } from "../../tensor/tensor.ts";
import type { Attributes, Graph, GraphNode } from "../graph.ts";
import { inSinglePrecision } from "./single-precision.ts";

const node = (
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: Attributes = {},
): GraphNode => ({
  name: output,
  opType,
  domain: "",
  inputs,
  outputs: [output],
  attributes,
});

function graph(type: ElementType, weight: AnyTensor, ...nodes: readonly GraphNode[]): Graph {
  return {
    name: "g",
    inputs: [{ name: "x", type, dims: [1, 4] }],
    outputs: [{ name: "y", type, dims: [1, 2] }],
    nodes,
    initializers: new Map([
      ["w", { name: "w", type: weight.type, dims: weight.dims, data: { kind: "memory", tensor: weight } }],
    ]),
    valueInfo: new Map([["y", { name: "y", type, dims: [1, 2] }]]),
  };
}

const weight = (type: ElementType): AnyTensor => floatTensor(type, [1, 2, 3, 4, 5, 6, 7, 8], [4, 2]);

describe("inSinglePrecision", () => {
  it.each(["float16", "bfloat16", "float64"] as const)("computes a graph in %s in float32", (type) => {
    const result = inSinglePrecision(graph(type, weight(type), node("MatMul", ["x", "w"], "y")));
    expect(result.replaced).toEqual([type]);
    expect(result.graph.inputs[0]?.type).toBe("float32");
    expect(result.graph.outputs[0]?.type).toBe("float32");
    expect(result.graph.valueInfo.get("y")?.type).toBe("float32");
    // The bytes of the weight stay as they are, under another name.
    expect(result.graph.initializers.get(`w/${type}`)?.type).toBe(type);
    expect(result.graph.nodes[0]).toMatchObject({ opType: "Cast", inputs: [`w/${type}`], outputs: ["w"] });
  });

  it("leaves float32 alone", () => {
    const given = graph("float32", weight("float32"), node("MatMul", ["x", "w"], "y"));
    expect(inSinglePrecision(given)).toEqual({ graph: given, functions: new Map(), replaced: [] });
  });

  it("leaves weights alone that are only stored in half precision", () => {
    const single = { kind: "int", value: 1 } as const;
    const nodes = [node("Cast", ["w"], "v", { to: single }), node("MatMul", ["x", "v"], "y")];
    expect(inSinglePrecision(graph("float32", weight("float16"), ...nodes)).replaced).toEqual([]);
  });

  it("leaves doubles in shape code alone", () => {
    const double = { kind: "int", value: 11 } as const;
    const nodes = [node("Cast", ["x"], "d", { to: double }), node("Identity", ["d"], "y")];
    const given = graph("float32", weight("float32"), ...nodes);
    expect(inSinglePrecision(given).graph.nodes[0]?.attributes["to"]).toEqual(double);
  });

  it("turns casts to half precision inside into casts to float32", () => {
    const half = { kind: "int", value: 10 } as const;
    const given = graph("float32", weight("float32"), node("Cast", ["x"], "h", { to: half }));
    const result = inSinglePrecision(given);
    expect(result.replaced).toEqual(["float16"]);
    expect(result.graph.nodes[0]?.attributes["to"]).toEqual({ kind: "int", value: 1 });
  });

  it("changes graphs in attributes and bodies of functions, too", () => {
    const half = { kind: "int", value: 10 } as const;
    const inner = { ...graph("float16", weight("float16"), node("Cast", ["x"], "y", { to: half })) };
    const call = node("If", ["x"], "y", { then_branch: { kind: "graph", value: inner } });
    const functions = new Map([
      ["d:f", { inputs: ["a"], outputs: ["b"], nodes: [node("Cast", ["a"], "b", { to: half })] }],
    ]);
    const result = inSinglePrecision(graph("float32", weight("float32"), call), functions);
    const branch = result.graph.nodes[0]?.attributes["then_branch"];
    expect(branch?.kind === "graph" ? branch.value.nodes.at(-1)?.attributes["to"] : undefined).toEqual({
      kind: "int",
      value: 1,
    });
    expect(result.functions.get("d:f")?.nodes[0]?.attributes["to"]).toEqual({ kind: "int", value: 1 });
  });
});
