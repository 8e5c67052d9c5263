import { describe, expect, it } from "vitest";
import { contribNode } from "../../../tests/support/contrib-node.ts";
import { modelOf, weights } from "../../../tests/support/small-models.ts";
import { randomStream } from "../../random/random-stream.ts";
import { tensor } from "../../tensor/tensor.ts";
import type { Graph, GraphNode } from "../graph.ts";
import { holdsMissingBias, lacksBias } from "./missing-bias.ts";

const random = randomStream(0);
const weight = weights([4, 12], () => random.normal());
const image = tensor(
  Float32Array.from({ length: 4 * 8 * 8 }, () => random.normal()),
  [1, 4, 8, 8],
);

/** Logits of a network of one Attention, their gradient, and whether the file runs as it is. */
async function explained(bias: "none" | "zeros" | "unnamed") {
  const model = modelOf([4, 8, 8], (g, x) => {
    const tokens = g.transpose(g.reshape(x, ["batch", 4, 64]), [0, 2, 1]);
    const further = { none: [], unnamed: [""], zeros: [g.floats(Array<number>(12).fill(0), [12])] }[bias];
    const inputs = [tokens, g.constant(weight), ...further];
    return g.reduce("ReduceMean", contribNode(g, "Attention", inputs, { num_heads: 2 }), [1], false);
  });
  try {
    const { gradient, logits } = await model.gradient(image, { target: { index: 1 } });
    const file = await model.compareWithFile(image, logits);
    return { logits: logits.data, gradient: gradient?.data, file };
  } finally {
    await model.close();
  }
}

describe("an Attention without a bias", () => {
  it.each(["none", "unnamed"] as const)("gives what one of zeros gives: %s", async (bias) => {
    const wanted = await explained("zeros");
    expect("difference" in wanted.file && wanted.file.difference).toBeLessThan(1e-6);
    const found = await explained(bias);
    expect(found.logits).toEqual(wanted.logits);
    expect(found.gradient).toEqual(wanted.gradient);
    expect("problem" in found.file && found.file.problem).toContain("ends the process");
  });

  it("is found in branches and loops, at any depth", () => {
    const holding = (inner: GraphNode): GraphNode => {
      const value: Graph = {
        name: "body",
        inputs: [],
        outputs: [],
        nodes: [inner],
        initializers: new Map(),
        valueInfo: new Map(),
      };
      const attributes = { body: { kind: "graph", value } } as const;
      return { name: "loop", opType: "Loop", domain: "", inputs: [], outputs: ["y"], attributes };
    };
    const attention = (...inputs: readonly string[]): GraphNode => ({
      name: "attention",
      opType: "Attention",
      domain: "com.microsoft",
      inputs,
      outputs: ["a"],
      attributes: {},
    });
    expect(lacksBias(attention("x", "w"))).toBe(true);
    expect(holdsMissingBias(holding(holding(attention("x", "w", ""))))).toBe(true);
    expect(holdsMissingBias(holding(holding(attention("x", "w", "b"))))).toBe(false);
  });
});
