import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import { tensor, type AnyTensor } from "../../tensor/tensor.ts";
import { checkVjp, type VjpCaseOptions, type VjpOperand } from "../check-vjp.ts";
import { differentiate } from "../differentiate.ts";

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
const int32 = (values: readonly number[], dims: readonly number[]): AnyTensor => ({
  type: "int32",
  dims,
  data: Int32Array.from(values),
});
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
  ["", "MultiHeadAttention", [tokens, ["batch", 5, 8], ["batch", 5, 6]], { attributes: { num_heads: 2 } }],
  [
    "with bias and scale",
    "MultiHeadAttention",
    [tokens, tokens, tokens, [24]],
    { attributes: { num_heads: 4, scale: { float: 0.3 } } },
  ],
  [
    "with an attention bias",
    "MultiHeadAttention",
    [tokens, tokens, tokens, "", "", [1, 2, 3, 3]],
    { attributes: { num_heads: 2 } },
  ],
  [
    "with a padding mask",
    "MultiHeadAttention",
    [[2, 3, 8], [2, 3, 8], [2, 3, 8], "", { constant: int32([1, 1, 0, 1, 0, 0], [2, 3]) }],
    { attributes: { num_heads: 2 } },
  ],
  [
    "causal",
    "MultiHeadAttention",
    [tokens, tokens, tokens],
    { attributes: { num_heads: 2, unidirectional: 1 } },
  ],
  [
    "of heads",
    "MultiHeadAttention",
    [tokens, ["batch", 2, 5, 4], ["batch", 2, 5, 4]],
    { attributes: { num_heads: 2 } },
  ],
  ["", "Attention", [tokens, fixed(8, 24), fixed(24)], { attributes: { num_heads: 2 } }],
  ["wanted weights", "Attention", [tokens, [8, 24], [24]], { attributes: { num_heads: 2 } }],
  [
    "causal",
    "Attention",
    [tokens, fixed(8, 24), fixed(24)],
    { attributes: { num_heads: 2, unidirectional: 1 } },
  ],
  [
    "with a mask",
    "Attention",
    [[2, 3, 8], fixed(8, 24), fixed(24), { constant: int32([1, 1, 0, 1, 0, 0], [2, 3]) }],
    { attributes: { num_heads: 2 } },
  ],
];

const heads = { q_num_heads: 2, kv_num_heads: 2 };
const standard: readonly Case[] = [
  [
    "of heads",
    "Attention",
    [
      ["batch", 2, 3, 4],
      ["batch", 2, 5, 4],
      ["batch", 2, 5, 6],
    ],
  ],
  ["of tokens", "Attention", [tokens, ["batch", 5, 8], ["batch", 5, 8]], { attributes: heads }],
  [
    "of groups of heads",
    "Attention",
    [
      ["batch", 4, 3, 4],
      ["batch", 2, 3, 4],
      ["batch", 2, 3, 4],
    ],
  ],
  [
    "causal with a scale",
    "Attention",
    [tokens, tokens, tokens],
    { attributes: { ...heads, is_causal: 1, scale: { float: 0.7 } } },
  ],
  ["with a bias", "Attention", [tokens, tokens, tokens, [3, 3]], { attributes: heads }],
  [
    "with a mask",
    "Attention",
    [
      tokens,
      tokens,
      tokens,
      { constant: { type: "bool", dims: [3, 3], data: Uint8Array.of(1, 0, 0, 1, 1, 0, 1, 1, 1) } },
    ],
    { attributes: heads },
  ],
  [
    "with a soft cap",
    "Attention",
    [tokens, tokens, tokens],
    { attributes: { ...heads, softcap: { float: 0.5 } } },
  ],
];

describe("gradient rules of fused operators against central differences", () => {
  it.each(microsoft.map(([name, opType, ...rest]) => [opType, name, ...rest] as const))(
    "com.microsoft %s, %s",
    async (opType, _, operands, options = {}) => {
      const domain = "com.microsoft";
      expect(await checkVjp(evaluate, opType, operands, { ...options, domain })).toBeLessThan(2e-3);
    },
  );
  it.each(standard.map(([name, opType, ...rest]) => [opType, name, ...rest] as const))(
    "%s, %s",
    async (opType, _, operands, options = {}) => {
      expect(await checkVjp(evaluate, opType, operands, { ...options, opset: 23 })).toBeLessThan(2e-3);
    },
  );
  it("refuses a fused activation that it does not know", async () => {
    const check = checkVjp(evaluate, "FusedConv", convolution, {
      ...activation("Elu"),
      domain: "com.microsoft",
    });
    await expect(check).rejects.toThrow("no gradient rule for the fused activation Elu");
  });
  it("sums over query, key and value where they are one value", async () => {
    const g = GraphBuilder.empty();
    g.input("x", [1, 2, 4]);
    const attributes = { num_heads: 1 };
    const y = g.output(
      g.nodeMany("MultiHeadAttention", ["x", "x", "x"], attributes, 1, "com.microsoft")[0] ?? "",
    );
    differentiate(g, { of: [y], wrt: ["x"] });
    const image = tensor([0.1, 0.9, -0.3, 0.5, 0.7, -0.2, 0.4, 0.6], [1, 2, 4]);
    const cotangent = tensor([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 4]);
    const outputAt = async (data: Float32Array) =>
      evaluate(g.build(), g.opset, { x: tensor(data, [1, 2, 4]), [`cotangent:${y}`]: cotangent });
    const gradient = (await outputAt(image.data))["gradient:x"]?.data as Float32Array;
    const dot = (values: Float32Array): number =>
      values.reduce((sum, value, index) => sum + value * (cotangent.data[index] ?? 0), 0);
    for (const index of image.data.keys()) {
      const moved = async (by: number): Promise<number> =>
        dot(
          (await outputAt(image.data.map((value, at) => (at === index ? value + by : value))))[y]
            ?.data as Float32Array,
        );
      expect(gradient[index]).toBeCloseTo(((await moved(0.01)) - (await moved(-0.01))) / 0.02, 2);
    }
  });
  // ONNX Runtime has GroupNorm on GPUs only: the backward pass, which does not read its output, is compared with that of
  // the standard operator.
  it.each([0, 1])("GroupNorm as the standard operator, activation %i", async (silu) => {
    const gradientOf = async (isFused: boolean): Promise<readonly number[]> => {
      const g = GraphBuilder.empty(21);
      const dims = isFused ? [2, 3, 2, 4] : [2, 4, 3, 2];
      g.input("x", dims);
      const weights = [g.floats([1, 2, -1, 0.5], [4]), g.floats([0.1, 0.2, 0.3, 0.4], [4])];
      let y: string;
      if (isFused) {
        const attributes = { groups: 2, activation: silu, channels_last: 1 };
        y = g.nodeMany("GroupNorm", ["x", ...weights], attributes, 1, "com.microsoft")[0] ?? "";
      } else {
        y = g.node("GroupNormalization", ["x", ...weights], { num_groups: 2 });
        if (silu === 1) y = g.mul(y, g.unary("Sigmoid", y));
      }
      differentiate(g, { of: [y], wrt: ["x"] });
      // Channels last is the same numbers in another order.
      const values = tensor(
        Float32Array.from({ length: 48 }, (_, index) => Math.sin(index)),
        [2, 4, 3, 2],
      );
      const last = Float32Array.from({ length: 48 }, (_, index) => {
        const [n, h, w, c] = [
          Math.floor(index / 24),
          Math.floor(index / 8) % 3,
          Math.floor(index / 4) % 2,
          index % 4,
        ];
        return values.data[n * 24 + c * 6 + h * 2 + w] ?? 0;
      });
      const x = isFused ? tensor(last, dims) : values;
      const graph = g.build();
      const runnable = { ...graph, nodes: graph.nodes.filter((node) => node.domain === "") };
      const results = await evaluate(runnable, g.opset, {
        x,
        [`cotangent:${y}`]: { ...x, data: x.data.map(Math.cos) },
      });
      const gradient = Array.from(results["gradient:x"]?.data as Float32Array);
      return isFused ? toChannelsFirst(gradient) : gradient;
    };
    const toChannelsFirst = (gradient: readonly number[]): readonly number[] =>
      gradient.map((_, index) => {
        const [n, c, h, w] = [
          Math.floor(index / 24),
          Math.floor(index / 6) % 4,
          Math.floor(index / 2) % 3,
          index % 2,
        ];
        return gradient[n * 24 + h * 8 + w * 4 + c] ?? 0;
      });
    const [fusedGradient, standardGradient] = [await gradientOf(true), await gradientOf(false)];
    fusedGradient.forEach((value, index) => expect(value).toBeCloseTo(standardGradient[index] ?? 0, 5));
  });
});
