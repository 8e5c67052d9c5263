import { describe, expect, it } from "vitest";
import { smallModel } from "../../tests/support/small-model.ts";
import type { GraphBuilder } from "../graph/graph-builder.ts";
import { inspectNetwork } from "./inspect-network.ts";

/** A network of one layer, global average pooling and a softmax; `middle` stands between layer and pooling. */
function report(middle: (g: GraphBuilder, value: string) => string) {
  const model = smallModel([3, 4, 4], (g, x) => {
    const layer = middle(g, g.node("Relu", [x]));
    const pooled = g.node("GlobalAveragePool", [layer]);
    return g.node("Softmax", [g.node("Flatten", [pooled])]);
  });
  const layer = model.network.layers[0];
  return inspectNetwork(model.network, model.onnx.graph, layer, (name) => model.layer(name));
}

describe("inspectNetwork", () => {
  it("says what goes in, where the logits are and what lies between", () => {
    const found = report((g, value) => g.node("Neg", [value]));
    expect(found.inputs).toEqual([{ name: "x", type: "float32", dims: ["batch", 3, 4, 4] }]);
    expect(found.logits).toMatchObject({ classCount: 3, cut: "Softmax", probabilityKind: "softmax" });
    expect(found.operators.map(({ operator }) => operator).sort()).toEqual([
      "Flatten",
      "GlobalAveragePool",
      "Neg",
      "Relu",
    ]);
    expect(found.operators.every(({ gradient }) => gradient === "rule")).toBe(true);
    expect([found.inputGradientProblem, found.layerGradientProblem]).toEqual([undefined, undefined]);
  });

  it("names the operator that gradients cannot pass, and allows them after it", () => {
    const found = report((g, value) => g.node("Hardmax", [value]));
    expect(found.operators.find(({ operator }) => operator === "Hardmax")?.gradient).toBe("constant");
    expect(found.layerGradientProblem).toBeUndefined();
  });
});
