import { describe, expect, it } from "vitest";
import { UnsupportedOpError } from "../errors.ts";
import { GraphBuilder } from "./graph-builder.ts";
import type { Graph, GraphNode } from "./graph.ts";

const node = (name: string, opType: string, inputs: readonly string[], output: string): GraphNode => ({
  name,
  opType,
  domain: "",
  inputs,
  outputs: [output],
  attributes: {},
});

describe("GraphEditor", () => {
  it("names the node with which a shape was lost", () => {
    const graph: Graph = {
      name: "g",
      inputs: [{ name: "x", type: "float32", dims: [1, 2] }],
      outputs: [],
      nodes: [
        node("first", "Relu", ["x"], "a"),
        node("gate", "If", ["condition"], "b"),
        node("product", "Mul", ["a", "b"], "c"),
        node("last", "Relu", ["c"], "d"),
      ],
      initializers: new Map(),
      valueInfo: new Map(),
    };
    const value = { type: "float32", dims: [1, 2] } as const;
    const g = new GraphBuilder(
      graph,
      17,
      new Map([
        ["x", [value, value]],
        ["a", [value, value]],
      ]),
    );
    expect(() => g.dims("d")).toThrow(UnsupportedOpError);
    expect(() => g.dims("d")).toThrow(/^If at node 'gate': the shape of its output is not known/);
    expect(() => g.dims("nothing")).toThrow(/^Value 'nothing'/);
  });
});
