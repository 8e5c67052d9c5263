import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { GraphBuilder, type PlainAttributes } from "../../graph/graph-builder.ts";
import { tensor } from "../../tensor/tensor.ts";
import { checkVjp, type VjpOperand } from "../check-vjp.ts";
import { differentiate } from "../differentiate.ts";
import type { RuleOverrides } from "../rules.ts";
import { maxPoolUnrolled } from "./max-pooling.ts";

type Case = readonly [operand: VjpOperand, attributes: PlainAttributes, opset?: number];
const image: VjpOperand = ["batch", 3, 8, 7];

const windows: Readonly<Record<string, Case>> = {
  "2x2 side by side": [["batch", 3, 8, 6], { kernel_shape: [2, 2], strides: [2, 2] }],
  "2x2 with a remainder": [["batch", 3, 9, 7], { kernel_shape: [2, 2], strides: [2, 2] }],
  "2x2 with a remainder, ceil_mode": [
    ["batch", 3, 9, 7],
    { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 },
  ],
  "2x2 side by side with pads": [
    ["batch", 3, 7, 6],
    { kernel_shape: [2, 2], strides: [2, 2], pads: [1, 1, 0, 1] },
  ],
  "3x3 stride 2 with pads": [image, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  "3x3 stride 2 without pads": [image, { kernel_shape: [3, 3], strides: [2, 2] }],
  "3x3 stride 2, ceil_mode": [image, { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }],
  "3x3 stride 2 with pads, ceil_mode": [
    image,
    { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 },
  ],
  "3x3 stride 1 with pads": [image, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }],
  "3x2 stride 1 without pads": [image, { kernel_shape: [3, 2] }],
  "asymmetric pads": [image, { kernel_shape: [3, 3], strides: [2, 1], pads: [0, 1, 2, 0] }],
  "gaps between the windows": [image, { kernel_shape: [2, 2], strides: [3, 3] }],
  "gaps and pads": [image, { kernel_shape: [2, 2], strides: [3, 3], pads: [1, 0, 1, 1] }],
  "unequal strides": [image, { kernel_shape: [3, 2], strides: [1, 3] }],
  "1x1 stride 2": [image, { kernel_shape: [1, 1], strides: [2, 2] }],
  SAME_UPPER: [image, { kernel_shape: [3, 2], strides: [2, 2], auto_pad: "SAME_UPPER" }],
  SAME_LOWER: [image, { kernel_shape: [3, 2], strides: [2, 2], auto_pad: "SAME_LOWER" }],
  "SAME_UPPER, stride 1": [image, { kernel_shape: [2, 4], auto_pad: "SAME_UPPER" }],
  VALID: [image, { kernel_shape: [3, 3], strides: [2, 2], auto_pad: "VALID" }],
  "the whole image": [image, { kernel_shape: [8, 7] }],
  "one dimension": [["batch", 3, 9], { kernel_shape: [3], strides: [2], pads: [1, 0] }],
  "one dimension, stride 1": [["batch", 3, 9], { kernel_shape: [3], pads: [1, 0] }],
  "one dimension side by side": [["batch", 3, 9], { kernel_shape: [3], strides: [3] }],
  "three dimensions": [["batch", 2, 5, 4, 6], { kernel_shape: [3, 2, 3], strides: [2, 2, 1] }],
  "three dimensions side by side": [["batch", 2, 5, 4, 6], { kernel_shape: [2, 2, 2], strides: [2, 2, 2] }],
  "three dimensions with pads": [
    ["batch", 2, 5, 4, 6],
    { kernel_shape: [3, 3, 3], strides: [2, 2, 2], pads: [1, 1, 1, 1, 1, 1] },
  ],
  "three dimensions with uneven pads, ceil_mode": [
    ["batch", 2, 5, 4, 6],
    { kernel_shape: [2, 3, 2], strides: [2, 2, 1], pads: [0, 1, 0, 1, 1, 1], ceil_mode: 1 },
  ],
};
const dilated: Readonly<Record<string, Case>> = {
  "dilation 2": [image, { kernel_shape: [2, 3], dilations: [2, 2], pads: [1, 1, 1, 2] }, 19],
  "dilation 2 and stride 2": [image, { kernel_shape: [3, 2], dilations: [2, 3], strides: [2, 2] }, 19],
  "dilation 2 and stride 2, ceil_mode": [
    image,
    { kernel_shape: [2, 2], dilations: [2, 2], strides: [2, 2], ceil_mode: 1 },
    19,
  ],
  "three dimensions with dilation": [
    ["batch", 2, 5, 4, 6],
    { kernel_shape: [2, 2, 2], dilations: [2, 1, 2], strides: [1, 2, 1] },
    19,
  ],
};

describe("gradient rules of pooling against central differences", () => {
  const all = Object.entries({ ...windows, ...dilated });
  it.each(all)("MaxPool, %s", async (_, [operand, attributes, opset = 17]) => {
    const options = { attributes, opset, distinct: true };
    expect(await checkVjp(evaluate, "MaxPool", [operand], options)).toBeLessThan(2e-3);
  });
  it.each(all)("MaxPool unrolled, %s", async (_, [operand, attributes, opset = 17]) => {
    const options = { attributes, opset, distinct: true, rules: { MaxPool: maxPoolUnrolled } };
    expect(await checkVjp(evaluate, "MaxPool", [operand], options)).toBeLessThan(2e-3);
  });
  it.each(all)("AveragePool, %s", async (_, [operand, attributes, opset = 17]) => {
    expect(await checkVjp(evaluate, "AveragePool", [operand], { attributes, opset })).toBeLessThan(2e-3);
  });
  it.each(all)("AveragePool counting pads, %s", async (_, [operand, attributes, opset = 17]) => {
    const options = { attributes: { ...attributes, count_include_pad: 1 }, opset };
    expect(await checkVjp(evaluate, "AveragePool", [operand], options)).toBeLessThan(2e-3);
  });
  it.each(all)("LpPool, %s", async (_, [operand, attributes]) => {
    const options = { attributes, opset: 18 };
    expect(await checkVjp(evaluate, "LpPool", [operand], options)).toBeLessThan(2e-3);
  });
  it.each([1, 3, 4])("LpPool with p = %i", async (p) => {
    const attributes = { kernel_shape: [2, 2], strides: [2, 2], p };
    expect(await checkVjp(evaluate, "LpPool", [image], { attributes, opset: 18 })).toBeLessThan(2e-3);
  });
  it.each([1, 2, 3])("GlobalLpPool with p = %i", async (p) => {
    expect(await checkVjp(evaluate, "GlobalLpPool", [image], { attributes: { p } })).toBeLessThan(2e-3);
  });
  it.each([image, ["batch", 3, 9], ["batch", 2, 3, 4, 5]] as const)(
    "global pools of %j",
    async (...shape) => {
      const operand = shape.flat() as VjpOperand;
      expect(await checkVjp(evaluate, "GlobalAveragePool", [operand])).toBeLessThan(2e-3);
      expect(await checkVjp(evaluate, "GlobalMaxPool", [operand], { distinct: true })).toBeLessThan(2e-3);
    },
  );
  it("MaxPool in float64", async () => {
    const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
    const options = { attributes, distinct: true, type: "float64" as const };
    expect(await checkVjp(evaluate, "MaxPool", [image], options)).toBeLessThan(2e-3);
  });
  it.each(["MaxPool", "AveragePool"])("%s in float16", async (opType) => {
    const attributes = { kernel_shape: [3, 3], strides: [2, 2] };
    const options = { attributes, distinct: true, type: "float16" as const, step: 0.04 };
    expect(await checkVjp(evaluate, opType, [["batch", 2, 5, 5]], options)).toBeLessThan(3e-2);
  });
  it("MaxPool whose indices are column-major", async () => {
    const attributes = { kernel_shape: [2, 2], strides: [2, 2], storage_order: 1 };
    expect(await checkVjp(evaluate, "MaxPool", [image], { attributes, distinct: true })).toBeLessThan(2e-3);
  });
  it("MaxUnpool to a given size", async () => {
    const indices = {
      type: "int64",
      dims: [1, 2, 2, 2],
      data: BigInt64Array.of(5n, 7n, 18n, 0n, 25n, 32n, 44n, 49n),
    } as const;
    const size: VjpOperand = {
      constant: { type: "int64", dims: [4], data: BigInt64Array.of(1n, 2n, 5n, 5n) },
    };
    const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
    const operands: readonly VjpOperand[] = [[1, 2, 2, 2], { feed: indices }, size];
    expect(await checkVjp(evaluate, "MaxUnpool", operands, { attributes })).toBeLessThan(2e-3);
  });
  it("MaxUnpool", async () => {
    const indices = { type: "int64", dims: [1, 1, 2, 2], data: BigInt64Array.of(5n, 7n, 13n, 15n) } as const;
    const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
    const operands: readonly VjpOperand[] = [[1, 1, 2, 2], { feed: indices }];
    expect(await checkVjp(evaluate, "MaxUnpool", operands, { attributes })).toBeLessThan(2e-3);
  });
});

/** The gradient of a pool at x for the cotangent dy. */
async function poolGradient(
  opType: string,
  x: readonly (readonly number[])[],
  dy: readonly number[],
  attributes: PlainAttributes,
  rules: RuleOverrides = {},
): Promise<readonly number[]> {
  const g = GraphBuilder.empty();
  const image = tensor(x.flat(), [1, 1, x.length, x[0]?.length ?? 0]);
  g.input("x", image.dims);
  const y = g.output(g.node(opType, ["x"], attributes));
  differentiate(g, { of: [y], wrt: ["x"], rules });
  const cotangent = {
    type: "float32",
    dims: g.dims(y) as readonly number[],
    data: Float32Array.from(dy),
  } as const;
  const results = await evaluate(g.build(), g.opset, { x: image, [`cotangent:${y}`]: cotangent });
  return Array.from(results["gradient:x"]?.data as Float32Array);
}

describe("ties in pooling", () => {
  const flat = [
    [1, 1, 1],
    [1, 1, 1],
    [1, 1, 2],
  ];
  it.each([
    ["indices", {}],
    ["unrolled", { MaxPool: maxPoolUnrolled }],
  ])("give the cotangent to the first maximum in row-major order (%s)", async (_, rules) => {
    const gradient = await poolGradient("MaxPool", flat, [10, 20, 30, 40], { kernel_shape: [2, 2] }, rules);
    expect(gradient).toEqual([10, 20, 0, 30, 0, 0, 0, 0, 40]);
  });
  it("share the cotangent of a global maximum", async () => {
    const gradient = await poolGradient(
      "GlobalMaxPool",
      [
        [3, 1],
        [0, 3],
      ],
      [10],
      {},
    );
    expect(gradient).toEqual([5, 0, 0, 5]);
  });
  it("give 0 for an LpPool window of zeros", async () => {
    const gradient = await poolGradient("LpPool", [[0, 0, 3, 4]], [10, 10], {
      kernel_shape: [1, 2],
      strides: [1, 2],
    });
    expect(gradient).toEqual([0, 0, 6, 8]);
  });
});

describe("small cotangents", () => {
  it("of a pooled image stay small through a product with a full value", async () => {
    const g = GraphBuilder.empty();
    g.input("x", ["batch", 3, 4, 5]);
    const pooled = g.node("GlobalAveragePool", [g.mul("x", g.unary("Sigmoid", "x"))]);
    const y = g.output(g.unary("Tanh", pooled));
    const count = g.allNodes.length;
    differentiate(g, { of: [y], wrt: ["x"] });
    const expands = g.allNodes.slice(count).filter((node) => node.opType === "Expand");
    expect(expands).toHaveLength(0);
  });
});
