import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { randomTensor } from "../../../tests/support/small-model.ts";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import { liveNodes } from "../../graph/prepare/dead-nodes.ts";
import { differentiate } from "../differentiate.ts";
import type { RuleOverrides } from "../rules.ts";

const image = randomTensor([2, 4, 5, 5], 1, 1);
const cotangent = randomTensor([2, 3, 5, 5], 1, 2);
const convolution = { pads: [1, 1, 1, 1] };

type Build = (g: GraphBuilder, inputs: readonly string[]) => string;
const fused =
  (activation: string, params: readonly number[] = []): Build =>
  (g, inputs) => {
    const attributes = {
      ...convolution,
      activation,
      ...(params.length > 0 && { activation_params: { floats: params } }),
    };
    return g.nodeMany("FusedConv", inputs, attributes, 1, "com.microsoft")[0] ?? "";
  };
const plain =
  (activation: string, ...bounds: readonly number[]): Build =>
  (g, [x = "", weight = "", bias = "", sum = ""]) => {
    const value = g.add(g.node("Conv", [x, weight, bias], convolution), sum);
    return g.node(activation, [value, ...bounds.map((bound) => g.scalar(bound, value))]);
  };

/** The gradient at the image under replaced rules, and how many convolutions compute it. */
async function gradientOf(build: Build, rules: RuleOverrides) {
  const g = GraphBuilder.empty(17);
  const x = g.input("x", image.dims);
  const constants = [randomTensor([3, 4, 3, 3], 0.5, 3), randomTensor([3], 1, 4), cotangent];
  const y = g.output(build(g, [x, ...constants.map((value) => g.constant(value))]));
  differentiate(g, { of: [y], wrt: [x], rules });
  const built = g.build();
  const live = liveNodes(
    built.nodes,
    built.outputs.map((output) => output.name),
  );
  const result = await evaluate({ ...built, nodes: live.nodes }, 17, {
    x: image,
    [`cotangent:${y}`]: cotangent,
  });
  return {
    gradient: result["gradient:x"]?.data as Float32Array,
    convolutions: live.nodes.filter((node) => /Conv/.test(node.opType)).length,
  };
}

const guided: RuleOverrides = Object.fromEntries(
  ["Relu", "Clip"].map((opType) => [opType, ({ g, dy, defaultVjp }) => defaultVjp(g.unary("Relu", dy))]),
);
const squared: RuleOverrides = { Relu: ({ g, dy, x }) => g.mul(dy, g.mul(x, x)) };

describe("replaced rules of an activation that is fused into another operator", () => {
  it.each<[string, Build, Build, RuleOverrides]>([
    ["Relu", fused("Relu"), plain("Relu"), guided],
    ["Clip", fused("Clip", [0, 0.8]), plain("Clip", 0, 0.8), guided],
    ["one that reads what the activation takes", fused("Relu"), plain("Relu"), squared],
  ])("give the gradient of the operators apart: %s", async (_, together, apart, rules) => {
    const [found, wanted, usual] = [
      await gradientOf(together, rules),
      await gradientOf(apart, rules),
      await gradientOf(apart, {}),
    ];
    wanted.gradient.forEach((value, index) => expect(found.gradient[index]).toBeCloseTo(value, 4));
    expect(wanted.gradient).not.toEqual(usual.gradient);
  });
  it("run the convolution again only where they read what the activation takes", async () => {
    const counts = [await gradientOf(fused("Relu"), guided), await gradientOf(fused("Relu"), squared)];
    expect(counts[1]!.convolutions - counts[0]!.convolutions).toBe(1);
    expect(counts[0]!.convolutions).toBe((await gradientOf(fused("Relu"), {})).convolutions);
  });
});
