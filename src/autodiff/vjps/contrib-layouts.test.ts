import { describe, expect, it } from "vitest";
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

const contrib = (
  g: GraphBuilder,
  opType: string,
  inputs: readonly string[],
  attributes: PlainAttributes = {},
): string => g.nodeMany(opType, inputs, attributes, 1, "com.microsoft")[0] ?? "";

const toFirst = [0, 3, 1, 2];
const toLast = [0, 2, 3, 1];
const image = randomTensor([2, 5, 6, 4], 1, 1);
const weight = randomTensor([3, 4, 3, 3], 0.5, 2);
const matrix = randomTensor([3, 4], 1, 6);
const conv = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
const row = (g: GraphBuilder, count: number, seed: number): string =>
  g.constant(randomTensor([count], 1, seed));

type Build = (g: GraphBuilder, x: string) => string;
const cases: readonly (readonly [string, Build, Build])[] = [
  [
    "NhwcConv",
    (g, x) => contrib(g, "NhwcConv", [x, g.constant(weight)], conv),
    (g, x) => g.transpose(g.node("Conv", [g.transpose(x, toFirst), g.constant(weight)], conv), toLast),
  ],
  [
    "NhwcMaxPool",
    (g, x) => contrib(g, "NhwcMaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] }),
    (g, x) =>
      g.transpose(
        g.node("MaxPool", [g.transpose(x, toFirst)], { kernel_shape: [2, 2], strides: [2, 2] }),
        toLast,
      ),
  ],
  [
    "BiasAdd",
    (g, x) => contrib(g, "BiasAdd", [x, row(g, 4, 3), x]),
    (g, x) => g.add(g.add(x, row(g, 4, 3)), x),
  ],
  [
    "BiasSplitGelu",
    (g, x) => contrib(g, "BiasSplitGelu", [x, row(g, 4, 4)]),
    (g, x) => {
      const [a = "", b = ""] = g.split(g.add(x, row(g, 4, 4)), [2, 2], 3);
      const erf = g.unary("Erf", g.mul(b, Math.SQRT1_2));
      return g.mul(a, g.mul(g.mul(b, 0.5), g.add(erf, 1)));
    },
  ],
  [
    "BiasSoftmax over the last axis",
    (g, x) => contrib(g, "BiasSoftmax", [x, row(g, 4, 4)], { axis: -1, is_inner_broadcast: 0 }),
    (g, x) => g.node("Softmax", [g.add(x, row(g, 4, 4))], { axis: -1 }),
  ],
  [
    "BiasSoftmax over three axes",
    (g, x) => contrib(g, "BiasSoftmax", [g.mul(x, 4), row(g, 4, 4)], { axis: 1, is_inner_broadcast: 0 }),
    (g, x) => {
      const flat = g.reshape(g.add(g.mul(x, 4), row(g, 4, 4)), [2, 5 * 6 * 4]);
      return g.reshape(g.node("Softmax", [flat], { axis: -1 }), [2, 5, 6, 4]);
    },
  ],
  [
    "FusedMatMulActivation, turned",
    (g, x) =>
      contrib(g, "FusedMatMulActivation", [x, g.constant(matrix)], {
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
      contrib(g, "FusedMatMulActivation", [x, g.constant(matrix)], {
        transB: 1,
        activation: "Softmax",
        activation_axis: 2,
      }),
    (g, x) => g.node("Softmax", [g.matmul(x, g.transpose(g.constant(matrix), [1, 0]))], { axis: 2 }),
  ],
];

describe("operators for accelerators", () => {
  it.each(cases)("%s has the gradient of what it stands for", async (_, fused, plain) => {
    const [found, wanted] = [await gradientOf(image, fused), await gradientOf(image, plain)];
    expect(found.length).toBe(wanted.length);
    Array.from(wanted).forEach((value, index) => expect(found[index]).toBeCloseTo(value, 4));
    expect(Array.from(wanted).some((value) => Math.abs(value) > 0.1)).toBe(true);
  });
});
