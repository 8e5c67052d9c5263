import { describe, expect, it } from "vitest";
import { contribNode } from "../../../tests/support/contrib-node.ts";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { randomTensor } from "../../../tests/support/small-model.ts";
import { GraphBuilder, type PlainAttributes } from "../../graph/graph-builder.ts";
import { concreteDim } from "../../graph/graph.ts";
import { liveNodes } from "../../graph/prepare/dead-nodes.ts";
import { elementCount, type AnyTensor } from "../../tensor/tensor.ts";
import { differentiate } from "../differentiate.ts";

/**
 * The gradient at x alone: ONNX Runtime has no kernels for the operators themselves on the processor, and the rules need
 * none of them.
 */
async function gradientOf(
  x: AnyTensor,
  build: (g: GraphBuilder, x: string) => string,
): Promise<ArrayLike<number>> {
  const g = GraphBuilder.empty(17);
  const input = g.input("x", x.dims);
  const y = build(g, input);
  g.clearOutputs();
  const { cotangents, gradients } = differentiate(g, { of: [y], wrt: [input] });
  const dims = g.dims(y).map((dim) => concreteDim(dim, 1) ?? 1);
  const built = g.build();
  const live = liveNodes(
    built.nodes,
    built.outputs.map((output) => output.name),
  );
  const graph = {
    ...built,
    nodes: live.nodes,
    inputs: built.inputs.filter(({ name }) => live.read.has(name)),
    initializers: new Map([...built.initializers].filter(([name]) => live.read.has(name))),
  };
  expect(elementCount(dims)).toBeGreaterThan(0);
  const result = await evaluate(graph, 17, { x, [cotangents[y] ?? ""]: randomTensor(dims, 1, 9) });
  return result[gradients[input] ?? ""]?.data as Float32Array;
}

const toFirst = [0, 3, 1, 2];
const toLast = [0, 2, 3, 1];
const image = randomTensor([2, 5, 6, 4], 1, 1);
const weight = randomTensor([3, 4, 3, 3], 0.5, 2);
const matrix = randomTensor([3, 4], 1, 6);
const conv = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
const row = (g: GraphBuilder, count: number, seed: number): string =>
  g.constant(randomTensor([count], 1, seed));

type Build = (g: GraphBuilder, x: string) => string;
const asChannelsFirst =
  (build: Build): Build =>
  (g, x) =>
    g.transpose(build(g, g.transpose(x, toFirst)), toLast);

/** Group normalisation of `[N, C, H, W]` by the instance normalisation of groups, SiLU after it on request. */
function groupNormalized(g: GraphBuilder, x: string, isSilu: boolean): string {
  const grouped = g.reshape(x, [2, 2, 60]);
  const ones = g.floats([1, 1], [2]);
  const zeros = g.floats([0, 0], [2]);
  const epsilon = { epsilon: { float: 0.02 } };
  const normalised = g.node("InstanceNormalization", [grouped, ones, zeros], epsilon);
  const column = (seed: number): string => g.reshape(row(g, 4, seed), [4, 1, 1]);
  const scaled = g.add(g.mul(g.reshape(normalised, g.dims(x)), column(11)), column(12));
  return isSilu ? g.mul(scaled, g.unary("Sigmoid", scaled)) : scaled;
}
const groups = (isLast: boolean, isSilu: boolean): PlainAttributes => ({
  groups: 2,
  epsilon: { float: 0.02 },
  channels_last: isLast ? 1 : 0,
  activation: isSilu ? 1 : 0,
});
const groupNorms = [true, false].flatMap((isLast) =>
  [false, true].map((isSilu): readonly [string, Build, Build] => {
    const plain: Build = (g, x) => groupNormalized(g, x, isSilu);
    const scales = (g: GraphBuilder): readonly string[] => [row(g, 4, 11), row(g, 4, 12)];
    return [
      `GroupNorm, channels ${isLast ? "last" : "first"}${isSilu ? ", SiLU" : ""}`,
      isLast
        ? (g, x) => contribNode(g, "GroupNorm", [x, ...scales(g)], groups(true, isSilu))
        : asChannelsFirst((g, x) => contribNode(g, "GroupNorm", [x, ...scales(g)], groups(false, isSilu))),
      asChannelsFirst(plain),
    ];
  }),
);

/** What is added before a SkipGroupNorm: an image, or what is the same everywhere in it; a bias. */
const skips: readonly (readonly [string, readonly number[], boolean])[] = [
  ["an image", [2, 5, 6, 4], false],
  ["an image and a bias", [2, 5, 6, 4], true],
  ["a vector an image", [2, 4], true],
  ["a vector an image as an image", [2, 1, 1, 4], false],
];
const skipGroupNorms = skips.flatMap(([name, dims, isBiased]) =>
  [false, true].map((isSilu): readonly [string, Build, Build] => [
    `SkipGroupNorm of ${name}${isSilu ? ", SiLU" : ""}`,
    (g, x) => {
      const skip = g.constant(randomTensor(dims, 1, 13));
      const inputs = [x, row(g, 4, 11), row(g, 4, 12), skip, ...(isBiased ? [row(g, 4, 14)] : [])];
      const attributes = groups(true, isSilu);
      const [y = "", sum = ""] = g.nodeMany("SkipGroupNorm", inputs, attributes, 2, "com.microsoft");
      return g.add(y, g.mul(sum, 0.3));
    },
    (g, x) => {
      const skip = g.reshape(g.constant(randomTensor(dims, 1, 13)), dims.length === 2 ? [2, 1, 1, 4] : dims);
      const pair = g.add(x, skip);
      const sum = isBiased ? g.add(pair, row(g, 4, 14)) : pair;
      return g.add(asChannelsFirst((h, z) => groupNormalized(h, z, isSilu))(g, sum), g.mul(sum, 0.3));
    },
  ]),
);

/** Convolutions with channels last: weight, attributes, bias. */
const geometries: readonly (readonly [string, readonly number[], PlainAttributes, boolean])[] = [
  ["plain", [3, 4, 3, 3], { kernel_shape: [3, 3] }, false],
  ["pads, strides and a bias", [3, 4, 3, 3], { pads: [1, 0, 2, 1], strides: [2, 1] }, true],
  ["groups and dilations", [6, 2, 2, 2], { group: 2, dilations: [2, 1] }, true],
  ["SAME_UPPER", [3, 4, 2, 3], { auto_pad: "SAME_UPPER", strides: [2, 2] }, false],
];
const convolutions = geometries.flatMap(([name, dims, attributes, isBiased]) => {
  const operands = (g: GraphBuilder, x: string): readonly string[] => [
    x,
    g.constant(randomTensor(dims, 0.5, 2)),
    ...(isBiased ? [row(g, dims[0] ?? 1, 15)] : []),
  ];
  const plain: Build = (g, x) => g.node("Conv", operands(g, x), attributes);
  const cases: readonly (readonly [string, Build, Build])[] = [
    [
      `NhwcConv, ${name}`,
      (g, x) => contribNode(g, "NhwcConv", operands(g, x), attributes),
      asChannelsFirst(plain),
    ],
    ...(["Relu", "Tanh", "Sigmoid"] as const).map((activation): readonly [string, Build, Build] => [
      `NhwcFusedConv, ${name}, ${activation}`,
      (g, x) => contribNode(g, "NhwcFusedConv", operands(g, x), { ...attributes, activation }),
      asChannelsFirst((g, x) => g.unary(activation, plain(g, x))),
    ]),
  ];
  return cases;
});

/** Query, key and value apart, of what lies together in `[2, 5, 2, 3, 4]`. */
function apart(g: GraphBuilder, together: string): readonly string[] {
  return [0, 1, 2].map((index) => {
    const part = g.node("Gather", [together, g.ints([index], [])], { axis: 3 });
    return g.reshape(part, [2, 5, 8]);
  });
}
const multiHead = (g: GraphBuilder, inputs: readonly string[]): string =>
  contribNode(g, "MultiHeadAttention", inputs, { num_heads: 2 });
const packed = [false, true].flatMap((isBiased): readonly (readonly [string, Build, Build])[] => {
  const bias = (g: GraphBuilder): readonly string[] => (isBiased ? [row(g, 24, 16)] : []);
  const seen = (g: GraphBuilder, x: string): string => g.reshape(x, [2, 5, 2, 3, 4]);
  const suffix = isBiased ? " with a bias" : "";
  return [
    [
      `MultiHeadAttention of packed query, key and value${suffix}`,
      (g, x) => multiHead(g, [seen(g, x), "", "", ...bias(g)]),
      (g, x) => multiHead(g, [...apart(g, seen(g, x)), ...bias(g)]),
    ],
    [
      `MultiHeadAttention of packed key and value${suffix}`,
      (g, x) => {
        const query = apart(g, seen(g, x))[0] ?? "";
        const pair = g.slice(seen(g, x), [1], [3], [3]);
        return multiHead(g, [query, pair, "", ...bias(g)]);
      },
      (g, x) => multiHead(g, [...apart(g, seen(g, x)), ...bias(g)]),
    ],
  ];
});
const cases: readonly (readonly [string, Build, Build])[] = [
  ...groupNorms,
  ...skipGroupNorms,
  ...convolutions,
  ...packed,
  // Of opset 9 and older.
  ...["nearest", "linear"].map((mode): readonly [string, Build, Build] => [
    `Upsample, ${mode}`,
    (g, x) => g.node("Upsample", [x, g.floats([1, 2, 3, 1], [4])], { mode }),
    (g, x) =>
      g.node("Resize", [x, "", g.floats([1, 2, 3, 1], [4])], {
        mode,
        coordinate_transformation_mode: "asymmetric",
        nearest_mode: "floor",
      }),
  ]),
  [
    "NhwcFusedConv after a sum",
    (g, x) => {
      const sum = g.constant(randomTensor([2, 5, 6, 3], 1, 17));
      const inputs = [x, g.constant(weight), row(g, 3, 15), sum];
      return contribNode(g, "NhwcFusedConv", inputs, { ...conv, activation: "Relu" });
    },
    (g, x) => {
      const product = g.node("Conv", [g.transpose(x, toFirst), g.constant(weight), row(g, 3, 15)], conv);
      return g.unary(
        "Relu",
        g.add(g.transpose(product, toLast), g.constant(randomTensor([2, 5, 6, 3], 1, 17))),
      );
    },
  ],
  [
    "NhwcFusedConv whose sum is the image",
    (g, x) => {
      const square = g.constant(randomTensor([4, 4, 3, 3], 0.5, 2));
      return contribNode(g, "NhwcFusedConv", [x, square, "", x], { ...conv, activation: "Relu" });
    },
    (g, x) => {
      const square = g.constant(randomTensor([4, 4, 3, 3], 0.5, 2));
      const product = g.node("Conv", [g.transpose(x, toFirst), square], conv);
      return g.unary("Relu", g.add(g.transpose(product, toLast), x));
    },
  ],
  [
    "NhwcMaxPool with pads",
    (g, x) =>
      contribNode(g, "NhwcMaxPool", [x], { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] }),
    asChannelsFirst((g, x) =>
      g.node("MaxPool", [x], { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] }),
    ),
  ],
  [
    "BiasDropout",
    (g, x) => contribNode(g, "BiasDropout", [x, row(g, 4, 3)]),
    (g, x) => g.add(x, row(g, 4, 3)),
  ],
  [
    "BiasDropout with a residual and a ratio",
    (g, x) => contribNode(g, "BiasDropout", [g.mul(x, x), row(g, 4, 3), x, g.scalar(0.5)]),
    (g, x) => g.add(g.add(g.mul(x, x), row(g, 4, 3)), x),
  ],
  [
    "LayerNormalization of com.microsoft",
    (g, x) =>
      contribNode(g, "LayerNormalization", [x, row(g, 4, 3), row(g, 4, 4)], { epsilon: { float: 0.1 } }),
    (g, x) => g.node("LayerNormalization", [x, row(g, 4, 3), row(g, 4, 4)], { epsilon: { float: 0.1 } }),
  ],
  [
    "TransposeMatMul",
    (g, x) =>
      contribNode(g, "TransposeMatMul", [x, g.constant(randomTensor([2, 5, 3, 6], 1, 6))], {
        transA: 1,
        transB: 1,
        alpha: { float: 0.5 },
      }),
    (g, x) => {
      const b = g.constant(randomTensor([2, 5, 3, 6], 1, 6));
      return g.mul(g.matmul(g.transpose(x, [0, 1, 3, 2]), g.transpose(b, [0, 1, 3, 2])), 0.5);
    },
  ],
  [
    "NhwcMaxPool",
    (g, x) => contribNode(g, "NhwcMaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] }),
    (g, x) =>
      g.transpose(
        g.node("MaxPool", [g.transpose(x, toFirst)], { kernel_shape: [2, 2], strides: [2, 2] }),
        toLast,
      ),
  ],
  [
    "BiasAdd",
    (g, x) => contribNode(g, "BiasAdd", [x, row(g, 4, 3), x]),
    (g, x) => g.add(g.add(x, row(g, 4, 3)), x),
  ],
  [
    "BiasSplitGelu",
    (g, x) => contribNode(g, "BiasSplitGelu", [x, row(g, 4, 4)]),
    (g, x) => {
      const [a = "", b = ""] = g.split(g.add(x, row(g, 4, 4)), [2, 2], 3);
      const erf = g.unary("Erf", g.mul(b, Math.SQRT1_2));
      return g.mul(a, g.mul(g.mul(b, 0.5), g.add(erf, 1)));
    },
  ],
  [
    "BiasSoftmax over the last axis",
    (g, x) => contribNode(g, "BiasSoftmax", [x, row(g, 4, 4)], { axis: -1, is_inner_broadcast: 0 }),
    (g, x) => g.node("Softmax", [g.add(x, row(g, 4, 4))], { axis: -1 }),
  ],
  [
    "BiasSoftmax over three axes",
    (g, x) => contribNode(g, "BiasSoftmax", [g.mul(x, 4), row(g, 4, 4)], { axis: 1, is_inner_broadcast: 0 }),
    (g, x) => {
      const flat = g.reshape(g.add(g.mul(x, 4), row(g, 4, 4)), [2, 5 * 6 * 4]);
      return g.reshape(g.node("Softmax", [flat], { axis: -1 }), [2, 5, 6, 4]);
    },
  ],
  [
    "FusedMatMulActivation, turned",
    (g, x) =>
      contribNode(g, "FusedMatMulActivation", [x, g.constant(matrix)], {
        transB: 1,
        alpha: { float: 0.5 },
        activation: "LeakyRelu",
        activation_alpha: { float: 0.3 },
      }),
    (g, x) => {
      const product = g.mul(g.matmul(x, g.transpose(g.constant(matrix), [1, 0])), 0.5);
      return g.node("LeakyRelu", [product], { alpha: { float: 0.3 } });
    },
  ],
  [
    "FusedMatMulActivation with softmax",
    (g, x) =>
      contribNode(g, "FusedMatMulActivation", [x, g.constant(matrix)], {
        transB: 1,
        activation: "Softmax",
        activation_axis: 2,
      }),
    (g, x) => g.node("Softmax", [g.matmul(x, g.transpose(g.constant(matrix), [1, 0]))], { axis: 2 }),
  ],
];

describe("operators that the runtime does not have on the processor", () => {
  it.each(cases)("%s has the gradient of what it stands for", async (_, fused, plain) => {
    const [found, wanted] = [await gradientOf(image, fused), await gradientOf(image, plain)];
    expect(found.length).toBe(wanted.length);
    Array.from(wanted).forEach((value, index) => expect(found[index]).toBeCloseTo(value, 4));
    expect(Array.from(wanted).some((value) => Math.abs(value) > 0.1)).toBe(true);
  });
});
