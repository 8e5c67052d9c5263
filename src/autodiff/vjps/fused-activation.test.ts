import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import {
  checkParts,
  combinations,
  plain as none,
  type VjpPart,
} from "../../../tests/support/vjp-combinations.ts";
import { randomTensor } from "../../../tests/support/small-model.ts";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import { liveNodes } from "../../graph/prepare/dead-nodes.ts";
import { differentiate } from "../differentiate.ts";
import type { RuleOverrides } from "../rules.ts";

// Small steps, and a seed with which none takes a value over a kink.
const microsoft = { domain: "com.microsoft", step: 3e-4, seed: 2 };

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

const convActivations: readonly VjpPart[] = (
  [
    ["Relu"],
    ["LeakyRelu", 0.2],
    ["LeakyRelu", 1.5],
    ["LeakyRelu", -0.5],
    ["Sigmoid"],
    ["Tanh"],
    ["Clip", -0.3, 0.4],
    ["HardSigmoid", 0.3, 0.5],
  ] as const
).map(([activation, ...params]) => [
  [activation, ...params].join(" "),
  {
    attributes: { activation, ...(params.length > 0 && { activation_params: { floats: [...params] } }) },
  },
]);
const geometries: readonly VjpPart[] = [
  ["pads", { operands: { 0: [2, 4, 5, 5], 1: [3, 4, 3, 3] }, attributes: convolution }],
  [
    "strides and groups",
    {
      operands: { 0: [2, 4, 6, 7], 1: { constant: randomTensor([6, 2, 2, 3], 0.5, 3) } },
      attributes: { strides: [2, 1], group: 2 },
    },
  ],
  [
    "dilations",
    { operands: { 0: [2, 4, 6, 7], 1: [3, 4, 2, 2] }, attributes: { dilations: [2, 3], auto_pad: "VALID" } },
  ],
];
const biases: readonly VjpPart[] = [none, ["bias", {}]];

describe("gradient rules of operators with a fused activation against central differences", () => {
  it.each(combinations(convActivations, geometries, biases, [none, ["sum", {}]]))(
    "FusedConv %s",
    async (name, parts) => {
      const sizes = name.includes("pads")
        ? [2, 3, 5, 5]
        : name.includes("strides")
          ? [2, 6, 3, 5]
          : [2, 3, 4, 4];
      const operands = {
        ...(name.includes("bias") && { 2: sizes.slice(1, 2) }),
        ...(name.includes("sum") && { 3: sizes }),
      };
      expect(await checkParts("FusedConv", [...parts, { operands }], microsoft)).toBeLessThan(3e-3);
    },
  );
  const gemmActivations: readonly VjpPart[] = [
    ["Relu", { attributes: { activation: "Relu" } }],
    ["Sigmoid", { attributes: { activation: "Sigmoid" } }],
    ["Tanh", { attributes: { activation: "Tanh" } }],
    ["Softplus", { attributes: { activation: "Softplus" } }],
    ["Softsign", { attributes: { activation: "Softsign" } }],
    ["LeakyRelu", { attributes: { activation: "LeakyRelu", activation_alpha: { float: 0.3 } } }],
    ["LeakyRelu, negative", { attributes: { activation: "LeakyRelu", activation_alpha: { float: -0.3 } } }],
    ["Elu", { attributes: { activation: "Elu", activation_alpha: { float: 0.7 } } }],
    ["ThresholdedRelu", { attributes: { activation: "ThresholdedRelu", activation_alpha: { float: 0.1 } } }],
    [
      "HardSigmoid",
      {
        attributes: {
          activation: "HardSigmoid",
          activation_alpha: { float: 0.3 },
          activation_beta: { float: 0.4 },
        },
      },
    ],
    [
      "Selu",
      {
        attributes: {
          activation: "Selu",
          activation_alpha: { float: 1.2 },
          activation_gamma: { float: 0.8 },
        },
      },
    ],
  ];
  const factors = { attributes: { alpha: { float: 0.7 }, beta: { float: 1.3 } } };
  it.each(
    combinations(
      gemmActivations,
      [
        ["A", { operands: { 0: [3, 4] } }],
        ["transA", { operands: { 0: [4, 3] }, attributes: { transA: 1 } }],
      ],
      [
        ["B", { operands: { 1: [4, 6] } }],
        ["transB", { operands: { 1: [6, 4] }, attributes: { transB: 1 } }],
      ],
      [none, ["C", { operands: { 2: [6] } }], ["C a row", { operands: { 2: [3, 1] } }]],
      [none, ["factors", factors]],
    ),
  )("FusedGemm %s", async (_, parts) => {
    expect(await checkParts("FusedGemm", parts, microsoft)).toBeLessThan(3e-3);
  });
  it("refuses a fused activation whose numbers are not known", async () => {
    const operands = { 0: [2, 4, 5, 5], 1: [3, 4, 3, 3] };
    const check = checkParts("FusedConv", [{ operands, attributes: { activation: "Elu" } }], microsoft);
    await expect(check).rejects.toThrow("no gradient rule for the fused activation Elu");
  });
});
