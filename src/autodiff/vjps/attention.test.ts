import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { checkParts, combinations, plain, type VjpPart } from "../../../tests/support/vjp-combinations.ts";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import { tensor, type AnyTensor } from "../../tensor/tensor.ts";
import { checkVjp, type VjpCaseOptions, type VjpOperand } from "../check-vjp.ts";
import { differentiate } from "../differentiate.ts";

const int32 = (values: readonly number[], dims: readonly number[]): { constant: AnyTensor } => ({
  constant: { type: "int32", dims, data: Int32Array.from(values) },
});
const bool = (values: readonly number[], dims: readonly number[]): { constant: AnyTensor } => ({
  constant: { type: "bool", dims, data: Uint8Array.from(values) },
});

// Two images, four queries, five keys, two heads of width 4 (values: 3).
const microsoft: VjpCaseOptions = { domain: "com.microsoft" };
const modes: readonly VjpPart[] = [
  plain,
  ["scale", { attributes: { scale: { float: 0.9 } } }],
  ["causal", { attributes: { unidirectional: 1 } }],
];

const multiHead: readonly VjpPart[] = [
  ["of tokens", { operands: { 0: [2, 5, 8], 1: [2, 5, 8], 2: [2, 5, 6] } }],
  ["of heads", { operands: { 0: [2, 5, 8], 1: [2, 2, 5, 4], 2: [2, 2, 5, 4] } }],
];
const other: readonly VjpPart[] = [
  ["of other tokens", { operands: { 0: [2, 4, 8], 1: [2, 5, 8], 2: [2, 5, 6] } }],
  ["of heads of other tokens", { operands: { 0: [2, 4, 8], 1: [2, 2, 5, 4], 2: [2, 2, 5, 4] } }],
];
const paddings = (queries: number, at: number): readonly VjpPart[] => [
  plain,
  ["padding", { operands: { [at]: int32([1, 1, 0, 1, 0, 1, 0, 1, 1, 1], [2, 5]) } }],
  [
    "padding a query",
    {
      operands: {
        [at]: int32(
          Array.from({ length: 10 * queries }, (_, index) => (index % 5 === 0 || index % 3 > 0 ? 1 : 0)),
          [2, queries, 5],
        ),
      },
    },
  ],
];
const attentionBiases = (queries: number): readonly VjpPart[] => [
  plain,
  ["attention bias", { operands: { 5: [2, 2, queries, 5] } }],
  ["one attention bias", { operands: { 5: [1, 1, queries, 5] } }],
];
// Of the sizes of the queries, the keys and the values.
const multiHeadBias: readonly VjpPart[] = [plain, ["bias", { operands: { 3: [22] } }]];
const headsBias: readonly VjpPart[] = [plain, ["bias", { operands: { 3: [24] } }]];

const packed: readonly VjpPart[] = [
  ["", { operands: { 0: [2, 5, 8], 1: [8, 24], 2: [24] } }],
  [
    "of narrower values",
    { operands: { 0: [2, 5, 6], 1: [6, 22], 2: [22] }, attributes: { qkv_hidden_sizes: [8, 8, 6] } },
  ],
];
const weakPadding: VjpPart = [
  "weak padding",
  {
    operands: { 3: int32([1, 1, 0, 1, 0, 1, 0, 1, 1, 1], [2, 5]) },
    attributes: { mask_filter_value: { float: -1 } },
  },
];

const grouped: readonly VjpPart[] = [
  [
    "of tokens",
    {
      operands: { 0: [2, 4, 8], 1: [2, 5, 8], 2: [2, 5, 6] },
      attributes: { q_num_heads: 2, kv_num_heads: 2 },
    },
  ],
  [
    "of tokens, groups",
    {
      operands: { 0: [2, 4, 16], 1: [2, 5, 8], 2: [2, 5, 6] },
      attributes: { q_num_heads: 4, kv_num_heads: 2 },
    },
  ],
  ["of heads", { operands: { 0: [2, 2, 4, 4], 1: [2, 2, 5, 4], 2: [2, 2, 5, 3] } }],
  ["of heads, groups", { operands: { 0: [2, 4, 4, 4], 1: [2, 2, 5, 4], 2: [2, 2, 5, 3] } }],
  ["of heads, one group", { operands: { 0: [2, 2, 4, 4], 1: [2, 1, 5, 4], 2: [2, 1, 5, 3] } }],
];
const visible = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => (index % 5 === 0 || index % 3 > 0 ? 1 : 0));
const masks: readonly VjpPart[] = [
  plain,
  ["mask", { operands: { 3: bool(visible(20), [4, 5]) } }],
  ["mask an image", { operands: { 3: bool(visible(40), [2, 1, 4, 5]) } }],
  ["bias", { operands: { 3: [4, 5] } }],
  ["bias an image", { operands: { 3: [2, 1, 4, 5] } }],
];
const standardModes: readonly VjpPart[] = [
  plain,
  ["scale", { attributes: { scale: { float: 0.9 } } }],
  ["causal", { attributes: { is_causal: 1 } }],
  ["soft cap", { attributes: { softcap: { float: 0.7 } } }],
  ["all", { attributes: { scale: { float: 0.9 }, is_causal: 1, softcap: { float: 0.7 } } }],
];

const heads: VjpPart[1] = { attributes: { num_heads: 2 } };

describe("gradient rules of attention against central differences", () => {
  it.each([
    ...combinations(multiHead.slice(0, 1), multiHeadBias, paddings(5, 4), attentionBiases(5), modes),
    ...combinations(multiHead.slice(1), headsBias, paddings(5, 4), attentionBiases(5), modes),
    ...combinations(other.slice(0, 1), multiHeadBias, paddings(4, 4), attentionBiases(4)),
    ...combinations(other.slice(1), headsBias, paddings(4, 4), attentionBiases(4)),
  ])("MultiHeadAttention %s", async (_, parts) => {
    expect(await checkParts("MultiHeadAttention", [heads, ...parts], microsoft)).toBeLessThan(2e-3);
  });
  it.each(combinations(packed, [...paddings(5, 3), weakPadding], attentionBiases(5), modes))(
    "com.microsoft Attention %s",
    async (_, parts) => {
      expect(await checkParts("Attention", [heads, ...parts], microsoft)).toBeLessThan(2e-3);
    },
  );
  it.each(combinations(grouped, masks, standardModes))("Attention %s", async (_, parts) => {
    expect(await checkParts("Attention", parts, { opset: 23 })).toBeLessThan(2e-3);
  });
  // The first query sees the first key alone, and that is padding.
  it.each([
    ["MultiHeadAttention", [[1, 3, 8], [1, 3, 8], [1, 3, 8], "", int32([0, 1, 1], [1, 3])]],
    ["Attention", [[1, 3, 8], [8, 24], [24], int32([0, 1, 1], [1, 3])]],
  ] as const)("%s, causal and padded on the left", async (opType, operands) => {
    const attributes = { num_heads: 2, unidirectional: 1 };
    expect(await checkVjp(evaluate, opType, operands, { ...microsoft, attributes })).toBeLessThan(2e-3);
  });
  it.each([0, 1, 2])("Attention with its output %i", async (output) => {
    const operands = [[2, 4, 8], [2, 5, 8], [2, 5, 6], "", [2, 2, 1, 4], [2, 2, 1, 3]] as const;
    const attributes = { q_num_heads: 2, kv_num_heads: 2 };
    const options = { opset: 23, attributes, outputCount: 3, output };
    expect(await checkVjp(evaluate, "Attention", operands.slice(0, 3), options)).toBeLessThan(2e-3);
  });
  it("MultiHeadAttention with its keys and values as outputs", async () => {
    const operands = [[2, 4, 8], [2, 5, 8], [2, 5, 6], [22]] as const;
    const options = { ...microsoft, attributes: { num_heads: 2 }, outputCount: 3, output: [0, 1, 2] };
    expect(await checkVjp(evaluate, "MultiHeadAttention", operands, options)).toBeLessThan(2e-3);
  });
  it("refuses unidirectional attention to another number of tokens", async () => {
    const options = { ...microsoft, attributes: { num_heads: 2, unidirectional: 1 } };
    const run = checkVjp(
      evaluate,
      "MultiHeadAttention",
      [
        [1, 3, 8],
        [1, 4, 8],
        [1, 4, 8],
      ],
      options,
    );
    await expect(run).rejects.toThrow("no gradient rule for unidirectional attention to another number");
  });
  it.each([
    [
      "the scores as an output",
      "Attention",
      [
        [2, 4, 8],
        [2, 5, 8],
        [2, 5, 8],
      ],
      { opset: 23, outputCount: 4, output: 3 },
      "its output 3",
    ],
    [
      "past keys",
      "Attention",
      [[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], "", [1, 2, 1, 4], [1, 2, 1, 4]],
      { opset: 23 },
      "past keys",
    ],
    [
      "a mask of lengths",
      "Attention",
      [[1, 3, 8], [8, 24], [24], int32([2], [1])],
      microsoft,
      "a mask of lengths",
    ],
  ] as readonly (readonly [string, string, readonly VjpOperand[], VjpCaseOptions, string])[])(
    "refuses %s",
    async (_, opType, operands, options, what) => {
      const attributes =
        options.domain === undefined ? { q_num_heads: 2, kv_num_heads: 2 } : { num_heads: 2 };
      const run = checkVjp(evaluate, opType, operands, { ...options, attributes });
      await expect(run).rejects.toThrow(`no gradient rule for ${what}`);
    },
  );
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
});
