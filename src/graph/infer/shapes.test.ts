import { describe, expect, it } from "vitest";
import { ModelError, UnsupportedOpError } from "../../errors.ts";
import type { Attribute, GraphNode } from "../graph.ts";
import type { KnownValue } from "../infer-node.ts";
import { inferFamilies, inferNode } from "./index.ts";

type Plain = number | string | readonly number[];
const attribute = (value: Plain): Attribute =>
  typeof value === "number"
    ? { kind: "int", value }
    : typeof value === "string"
      ? { kind: "string", value }
      : { kind: "ints", value };

function node(opType: string, attributes: Record<string, Plain> = {}, outputs = 1, domain = ""): GraphNode {
  return {
    name: "n",
    opType,
    domain,
    inputs: [],
    outputs: Array.from({ length: outputs }, (_, i) => `y${i}`),
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, attribute(value)]),
    ),
  };
}
const f = (...dims: readonly number[]): KnownValue => ({ type: "float32", dims });
const ints = (...value: readonly number[]): KnownValue => ({ type: "int64", dims: [value.length], value });

interface Case {
  readonly title: string;
  readonly op: string;
  readonly attributes?: Record<string, Plain>;
  readonly inputs: readonly (KnownValue | undefined)[];
  readonly want: readonly (readonly number[])[];
  readonly domain?: string;
  readonly opset?: number;
}

const cases: readonly Case[] = [
  // floor((224 + 6 - 7) / 2) + 1
  {
    title: "strided convolution",
    op: "Conv",
    attributes: { strides: [2, 2], pads: [3, 3, 3, 3] },
    inputs: [f(2, 3, 224, 224), f(64, 3, 7, 7)],
    want: [[2, 64, 112, 112]],
  },
  {
    title: "dilated convolution",
    op: "Conv",
    attributes: { dilations: [2, 2], group: 4 },
    inputs: [f(1, 4, 9, 8), f(4, 1, 3, 3)],
    want: [[1, 4, 5, 4]],
  },
  {
    title: "SAME convolution: ceil(7 / 2)",
    op: "Conv",
    attributes: { auto_pad: "SAME_UPPER", strides: [2, 2] },
    inputs: [f(1, 1, 7, 6), f(1, 1, 3, 3)],
    want: [[1, 1, 4, 3]],
  },
  {
    title: "VALID convolution",
    op: "Conv",
    attributes: { auto_pad: "VALID" },
    inputs: [f(1, 1, 7, 6), f(1, 1, 3, 3)],
    want: [[1, 1, 5, 4]],
  },
  {
    title: "1-D and grouped convolution",
    op: "Conv",
    attributes: { group: 3 },
    inputs: [f(1, 3, 8), f(6, 1, 3)],
    want: [[1, 6, 6]],
  },
  // 2 * (4 - 1) + 1 + 3 - 2
  {
    title: "transposed convolution with output_padding",
    op: "ConvTranspose",
    attributes: { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
    inputs: [f(1, 8, 4, 4), f(8, 2, 3, 3)],
    want: [[1, 2, 8, 8]],
  },
  {
    title: "transposed convolution with output_shape",
    op: "ConvTranspose",
    attributes: { strides: [3, 2], output_shape: [10, 8] },
    inputs: [f(1, 1, 3, 3), f(1, 2, 3, 3)],
    want: [[1, 2, 10, 8]],
  },
  {
    title: "transposed SAME convolution",
    op: "ConvTranspose",
    attributes: { strides: [2, 2], auto_pad: "SAME_UPPER" },
    inputs: [f(1, 1, 3, 3), f(1, 2, 3, 3)],
    want: [[1, 2, 6, 6]],
  },
  {
    title: "pooling with ceil_mode",
    op: "MaxPool",
    attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
    inputs: [f(1, 1, 4, 5)],
    want: [
      [1, 1, 2, 2],
      [1, 1, 2, 2],
    ],
  },
  // ceil((2 + 1 - 1) / 2) + 1 = 2 windows; the second would start at 2, behind the image and its begin pad.
  {
    title: "ceil_mode without a window that starts in the end pad",
    op: "MaxPool",
    attributes: { kernel_shape: [1], strides: [2], pads: [0, 1], ceil_mode: 1 },
    inputs: [f(1, 1, 2)],
    want: [
      [1, 1, 1],
      [1, 1, 1],
    ],
  },
  {
    title: "average pooling",
    op: "AveragePool",
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    inputs: [f(1, 3, 5, 5)],
    want: [[1, 3, 2, 2]],
  },
  { title: "global pooling", op: "GlobalAveragePool", inputs: [f(2, 3, 5, 6)], want: [[2, 3, 1, 1]] },
  {
    title: "unpooling",
    op: "MaxUnpool",
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    inputs: [f(1, 1, 2, 3), f(1, 1, 2, 3)],
    want: [[1, 1, 4, 6]],
  },
  { title: "broadcasting of both sides", op: "Add", inputs: [f(2, 1, 4), f(3, 1)], want: [[2, 3, 4]] },
  {
    title: "batched matrix product",
    op: "MatMul",
    inputs: [f(5, 1, 2, 3), f(4, 3, 7)],
    want: [[5, 4, 2, 7]],
  },
  { title: "product of a vector and a matrix", op: "MatMul", inputs: [f(3), f(3, 7)], want: [[7]] },
  {
    title: "Gemm with transB",
    op: "Gemm",
    attributes: { transB: 1 },
    inputs: [f(2, 8), f(10, 8), f(10)],
    want: [[2, 10]],
  },
  {
    title: "Einsum with an ellipsis",
    op: "Einsum",
    attributes: { equation: "...ij,...jk->...ik" },
    inputs: [f(5, 2, 3), f(5, 3, 4)],
    want: [[5, 2, 4]],
  },
  {
    title: "Einsum without an arrow",
    op: "Einsum",
    attributes: { equation: "bij,bjk" },
    inputs: [f(5, 2, 3), f(5, 3, 4)],
    want: [[2, 4]],
  },
  {
    title: "reduction with the axes as attribute",
    op: "ReduceMean",
    attributes: { axes: [2, 3], keepdims: 0 },
    inputs: [f(2, 8, 7, 7)],
    want: [[2, 8]],
    opset: 13,
  },
  {
    title: "reduction with the axes as input",
    op: "ReduceMean",
    inputs: [f(2, 8, 7, 7), ints(-1, -2)],
    want: [[2, 8, 1, 1]],
    opset: 18,
  },
  {
    title: "reduction over everything",
    op: "ReduceSum",
    attributes: { keepdims: 0 },
    inputs: [f(2, 8)],
    want: [[]],
  },
  {
    title: "reduction that does nothing",
    op: "ReduceSum",
    attributes: { noop_with_empty_axes: 1 },
    inputs: [f(2, 8)],
    want: [[2, 8]],
  },
  { title: "ArgMax", op: "ArgMax", attributes: { axis: 1, keepdims: 0 }, inputs: [f(2, 8)], want: [[2]] },
  {
    title: "TopK",
    op: "TopK",
    inputs: [f(2, 8), ints(5)],
    want: [
      [2, 5],
      [2, 5],
    ],
  },
  { title: "Reshape with 0 and -1", op: "Reshape", inputs: [f(2, 3, 4), ints(0, -1)], want: [[2, 12]] },
  {
    title: "Flatten at a negative axis",
    op: "Flatten",
    attributes: { axis: -1 },
    inputs: [f(2, 3, 4)],
    want: [[6, 4]],
  },
  {
    title: "Slice to INT64_MAX and backwards",
    op: "Slice",
    inputs: [f(5, 6), ints(1, -1), ints(2 ** 63, -(2 ** 63)), ints(0, 1), ints(2, -2)],
    want: [[2, 3]],
  },
  {
    title: "Slice by attributes",
    op: "Slice",
    attributes: { starts: [0], ends: [-1], axes: [1] },
    inputs: [f(5, 6)],
    want: [[5, 5]],
    opset: 9,
  },
  { title: "cropping by negative pads", op: "Pad", inputs: [f(4, 5), ints(-1, 2, 0, 0)], want: [[3, 7]] },
  {
    title: "padding of some axes",
    op: "Pad",
    inputs: [f(4, 5), ints(1, 2), undefined, ints(-1)],
    want: [[4, 8]],
    opset: 18,
  },
  {
    title: "GatherND",
    op: "GatherND",
    inputs: [f(2, 3, 4), { type: "int64", dims: [5, 2] }],
    want: [[5, 4]],
  },
  {
    title: "OneHot at an axis",
    op: "OneHot",
    attributes: { axis: 1 },
    inputs: [{ type: "int64", dims: [2, 3] }, ints(7), f(2)],
    want: [[2, 7, 3]],
  },
  {
    title: "DepthToSpace",
    op: "DepthToSpace",
    attributes: { blocksize: 2 },
    inputs: [f(1, 8, 3, 4)],
    want: [[1, 2, 6, 8]],
  },
  {
    title: "Resize by sizes",
    op: "Resize",
    inputs: [f(1, 3, 5, 5), undefined, undefined, ints(1, 3, 7, 9)],
    want: [[1, 3, 7, 9]],
  },
  {
    title: "Resize by scales",
    op: "Resize",
    inputs: [f(1, 3, 5, 5), undefined, { type: "float32", dims: [4], value: [1, 1, 2, Math.fround(0.6)] }],
    want: [[1, 3, 10, 3]],
  },
  {
    title: "layer normalisation with statistics",
    op: "LayerNormalization",
    attributes: { axis: -1 },
    inputs: [f(2, 7, 8), f(8)],
    want: [
      [2, 7, 8],
      [2, 7, 1],
      [2, 7, 1],
    ],
  },
  {
    title: "packed attention",
    op: "Attention",
    inputs: [f(2, 7, 16), f(16, 48), f(48)],
    want: [[2, 7, 16]],
    domain: "com.microsoft",
  },
  {
    title: "attention with fewer key heads",
    op: "Attention",
    attributes: { q_num_heads: 4, kv_num_heads: 2 },
    inputs: [f(2, 5, 32), f(2, 6, 16), f(2, 6, 20)],
    want: [[2, 5, 40]],
    opset: 23,
  },
  {
    title: "fused product with a transposed operand",
    op: "FusedMatMul",
    attributes: { transB: 1 },
    inputs: [f(2, 5, 8), f(2, 6, 8)],
    want: [[2, 5, 6]],
    domain: "com.microsoft",
  },
];

describe("inferNode: shapes", () => {
  it.each(cases)("$title", ({ op, attributes, inputs, want, domain, opset }) => {
    const result = inferNode(node(op, attributes, want.length, domain), inputs, opset ?? 17);
    expect(result.slice(0, want.length).map(({ dims }) => dims)).toEqual(want);
  });

  it("splits into parts of which the last is smaller", () => {
    const split = (attributes: Record<string, Plain>, ...inputs: KnownValue[]) =>
      inferNode(node("Split", attributes, 3), [f(7, 2), ...inputs], 18).map(({ dims }) => dims[0]);
    expect(split({ num_outputs: 3 })).toEqual([3, 3, 1]);
    expect(split({}, ints(1, 2, 4))).toEqual([1, 2, 4]);
    expect(split({ split: [5, 1, 1] })).toEqual([5, 1, 1]);
  });

  it("gives quantised operators the type of their zero point", () => {
    const byte: KnownValue = { type: "int8", dims: [] };
    const inputs = [f(1, 3, 8, 8), f(), byte, f(4, 3, 3, 3), f(), byte, f(), byte];
    expect(inferNode(node("QLinearConv"), inputs, 17)[0]).toEqual({ type: "int8", dims: [1, 4, 6, 6] });
    expect(inferNode(node("DequantizeLinear"), [byte, f()], 17)[0]?.type).toBe("float32");
  });

  it("defines no operator in two families", () => {
    const names = inferFamilies.flatMap((table) => Object.keys(table));
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("inferNode: refusals", () => {
  it("names an operator that it does not know", () => {
    expect(() => inferNode(node("Loop"), [], 17)).toThrow(UnsupportedOpError);
    expect(() => inferNode(node("toString"), [], 17)).toThrow("toString at node 'n'");
    expect(() => inferNode(node("Relu", {}, 1, "custom"), [f(1)], 17)).toThrow("custom.Relu");
  });

  it("refuses shapes that contradict each other", () => {
    expect(() => inferNode(node("Add"), [f(2), f(3)], 17)).toThrow("do not broadcast");
    expect(() => inferNode(node("MatMul"), [f(2, 3), f(2, 3)], 17)).toThrow("inner sizes");
    expect(() => inferNode(node("Reshape"), [f(2, 3), ints(4, -1)], 17)).toThrow("cannot reshape");
    expect(() => inferNode(node("Conv"), [f(1, 3, 2, 2), f(1, 3, 5, 5)], 17)).toThrow("does not fit");
  });

  it("refuses absurd sizes without allocating them", () => {
    const huge = ints(1e15, 1e15);
    expect(() => inferNode(node("ConstantOfShape"), [huge], 17)).toThrow(ModelError);
    expect(() => inferNode(node("Range"), [ints(0), ints(1e18), ints(1)], 17)).toThrow("too many elements");
    expect(() => inferNode(node("Tile"), [f(2), ints(-3)], 17)).toThrow("expected sizes of 0 or more");
  });
});
