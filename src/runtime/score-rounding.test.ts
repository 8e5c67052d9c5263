import { expect, it } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { scoreRounding } from "./score-rounding.ts";

it("finds the quantiser of the scores, and no other", () => {
  const g = GraphBuilder.empty(17);
  const round = (value: string): string =>
    g.node("DequantizeLinear", [g.node("QuantizeLinear", [value, g.scalar(0.1)]), g.scalar(0.1)]);
  const hidden = round(g.input("x", ["batch", 4]));
  const logits = g.reshape(round(g.node("Relu", [hidden])), ["batch", 4]);
  const graph = g.build();
  const [first, last] = graph.nodes.filter(({ opType }) => opType === "QuantizeLinear");
  expect(Object.keys(scoreRounding(graph, logits))).toEqual([`node:${last?.name}`]);
  expect(Object.keys(scoreRounding(graph, hidden))).toEqual([`node:${first?.name}`]);
  const active = graph.nodes.find(({ opType }) => opType === "Relu")?.outputs[0] ?? "";
  expect(scoreRounding(graph, active)).toEqual({});
});
