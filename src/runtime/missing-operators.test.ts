import { expect, it } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { withoutMissingOperators } from "./missing-operators.ts";

it("writes out the complement of the error function", () => {
  const g = GraphBuilder.empty(17);
  const x = g.input("x", ["batch", 4]);
  const graph = g.build();
  const erfc = { name: "gelu", domain: "", opType: "Erfc", inputs: [x], outputs: ["y"], attributes: {} };
  const { graph: standard, notes } = withoutMissingOperators({ ...graph, nodes: [erfc] });
  expect(standard.nodes.map(({ opType, inputs }) => [opType, ...inputs])).toEqual([
    ["Erf", "x"],
    ["Sub", "onnx-saliency/one", "y/erf"],
  ]);
  expect(standard.nodes.at(-1)?.outputs).toEqual(["y"]);
  expect(notes).toEqual([expect.stringMatching(/1 Erfc, which is no operator of ONNX/)]);
});

it("leaves other graphs, and operators of other domains, as they are", () => {
  const g = GraphBuilder.empty(17);
  const x = g.input("x", ["batch", 4]);
  const own = { name: "n", domain: "mine", opType: "Erfc", inputs: [x], outputs: ["y"], attributes: {} };
  const graph = { ...g.build(), nodes: [own] };
  expect(withoutMissingOperators(graph)).toEqual({ graph, notes: [] });
});
