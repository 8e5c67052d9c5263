import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { tensor } from "../../tensor/tensor.ts";
import { checkVjp, type VjpCaseOptions, type VjpOperand } from "../check-vjp.ts";

type Case = readonly [
  name: string,
  opType: string,
  operands: readonly VjpOperand[],
  options?: VjpCaseOptions,
];
const image: VjpOperand = ["batch", 4, 5, 5];
const tokens: VjpOperand = ["batch", 3, 8];
const fixed = (...dims: readonly number[]): VjpOperand => {
  const count = dims.reduce((a, b) => a * b, 1);
  return {
    constant: tensor(
      Array.from({ length: count }, (_, index) => 0.5 * Math.sin(1 + index * 1.7)),
      dims,
    ),
  };
};
const activation = (name: string, ...params: readonly number[]): VjpCaseOptions => ({
  // Small steps: what the activation bends lies inside.
  step: 1e-3,
  attributes: {
    activation: name,
    pads: [1, 1, 1, 1],
    ...(params.length > 0 ? { activation_params: { floats: params } } : {}),
  },
});
const convolution = [image, fixed(3, 4, 3, 3), fixed(3)] as const;

const microsoft: readonly Case[] = [
  ["", "Gelu", [tokens]],
  ["", "BiasGelu", [tokens, [8]]],
  ["without bias", "FastGelu", [tokens]],
  ["with bias", "FastGelu", [tokens, [8]]],
  ["", "QuickGelu", [tokens]],
  ["alpha 1", "QuickGelu", [tokens], { attributes: { alpha: { float: 1 } } }],
  ["Relu", "FusedConv", convolution, activation("Relu")],
  ["Relu after a sum", "FusedConv", [...convolution, ["batch", 3, 5, 5]], activation("Relu")],
  ["LeakyRelu", "FusedConv", convolution, activation("LeakyRelu", 0.2)],
  ["Sigmoid", "FusedConv", convolution, activation("Sigmoid")],
  ["Tanh", "FusedConv", convolution, activation("Tanh")],
  ["Clip", "FusedConv", convolution, activation("Clip", -0.3, 0.4)],
  ["HardSigmoid", "FusedConv", convolution, activation("HardSigmoid", 0.3, 0.5)],
  [
    "Relu",
    "FusedGemm",
    [["batch", 4], fixed(6, 4), fixed(6)],
    { attributes: { transB: 1, activation: "Relu" } },
  ],
  [
    "LeakyRelu",
    "FusedGemm",
    [["batch", 4], [4, 6], [6]],
    { attributes: { activation: "LeakyRelu", activation_alpha: { float: 0.3 }, alpha: { float: 2 } } },
  ],
  [
    "plain",
    "FusedMatMul",
    [
      ["batch", 3, 4],
      [4, 5],
    ],
    { attributes: { alpha: { float: 0.3 } } },
  ],
  [
    "turned",
    "FusedMatMul",
    [
      ["batch", 4, 3],
      ["batch", 5, 4],
    ],
    { attributes: { transA: 1, transB: 1 } },
  ],
  ["", "SkipLayerNormalization", [tokens, tokens, [8], [8]]],
  [
    "with a bias",
    "SkipLayerNormalization",
    [tokens, tokens, [8], [8], [8]],
    { attributes: { epsilon: { float: 1e-5 } } },
  ],
  [
    "with the sum as an output",
    "SkipLayerNormalization",
    [tokens, tokens, [8], [8]],
    { outputCount: 4, output: [0, 3] },
  ],
  ["", "SkipSimplifiedLayerNormalization", [tokens, tokens, [8]]],
];

describe("gradient rules of fused operators against central differences", () => {
  it.each(microsoft.map(([name, opType, ...rest]) => [opType, name, ...rest] as const))(
    "com.microsoft %s, %s",
    async (opType, _, operands, options = {}) => {
      const domain = "com.microsoft";
      expect(await checkVjp(evaluate, opType, operands, { ...options, domain })).toBeLessThan(2e-3);
    },
  );
  it("refuses a fused activation that it does not know", async () => {
    const check = checkVjp(evaluate, "FusedConv", convolution, {
      ...activation("Elu"),
      domain: "com.microsoft",
    });
    await expect(check).rejects.toThrow("no gradient rule for the fused activation Elu");
  });
});
