import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import type { PlainAttributes } from "../../graph/graph-builder.ts";
import { checkVjp, type VjpOperand } from "../check-vjp.ts";

const conv = (
  x: VjpOperand,
  weight: readonly number[],
  attributes: PlainAttributes = {},
  bias = false,
): readonly [readonly VjpOperand[], PlainAttributes] => [
  bias ? [x, weight, [weight[0] ?? 0]] : [x, weight],
  attributes,
];
const fixedWeight = (
  x: VjpOperand,
  dims: readonly number[],
  attributes: PlainAttributes = {},
): readonly [readonly VjpOperand[], PlainAttributes] => {
  const count = dims.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: count }, (_, index) => Math.sin(1 + index * 1.7));
  return [[x, { constant: { type: "float32", dims, data } }], attributes];
};

const convolutions: Readonly<Record<string, readonly [readonly VjpOperand[], PlainAttributes]>> = {
  "3x3, few channels": conv(["batch", 3, 7, 6], [4, 3, 3, 3], { pads: [1, 1, 1, 1] }, true),
  "3x3, many channels": conv(["batch", 9, 7, 6], [4, 9, 3, 3], { pads: [1, 1, 1, 1] }, true),
  "1x1": conv(["batch", 8, 5, 5], [6, 8, 1, 1]),
  "without pads": conv(["batch", 8, 7, 6], [4, 8, 3, 3]),
  "asymmetric pads": conv(["batch", 8, 7, 6], [4, 8, 3, 3], { pads: [0, 1, 2, 0] }),
  "pads wider than the kernel": conv(["batch", 8, 5, 5], [4, 8, 3, 3], { pads: [3, 3, 4, 3] }),
  "1x1 with pads": conv(["batch", 8, 5, 5], [4, 8, 1, 1], { pads: [1, 0, 1, 2] }),
  "stride 2": conv(["batch", 8, 7, 8], [4, 8, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  "stride 2 with a remainder": conv(["batch", 3, 8, 9], [4, 3, 3, 3], { strides: [2, 2] }),
  "stride 3 over a 1x1 kernel": conv(["batch", 8, 8, 9], [4, 8, 1, 1], { strides: [3, 3] }),
  "unequal strides": conv(["batch", 8, 9, 7], [4, 8, 3, 2], { strides: [4, 1], pads: [1, 0, 1, 1] }),
  "7x7 stem": conv(["batch", 3, 16, 16], [4, 3, 7, 7], { strides: [2, 2], pads: [3, 3, 3, 3] }),
  patches: conv(["batch", 3, 8, 8], [5, 3, 4, 4], { strides: [4, 4] }),
  "dilation 2": conv(["batch", 8, 9, 9], [4, 8, 3, 3], { dilations: [2, 2], pads: [2, 2, 2, 2] }),
  "dilation 2 and stride 2": conv(["batch", 8, 11, 10], [4, 8, 3, 3], {
    dilations: [2, 2],
    strides: [2, 2],
    pads: [1, 2, 1, 0],
  }),
  SAME_UPPER: conv(["batch", 8, 8, 7], [4, 8, 3, 2], { auto_pad: "SAME_UPPER" }),
  "SAME_LOWER with stride": conv(["batch", 8, 8, 7], [4, 8, 4, 3], {
    auto_pad: "SAME_LOWER",
    strides: [2, 2],
  }),
  "SAME_UPPER with stride": conv(["batch", 3, 8, 7], [4, 3, 3, 3], {
    auto_pad: "SAME_UPPER",
    strides: [2, 2],
  }),
  VALID: conv(["batch", 8, 8, 7], [4, 8, 3, 3], { auto_pad: "VALID" }),
  "one dimension": conv(["batch", 8, 9], [4, 8, 3], { pads: [1, 0] }),
  "one dimension with stride": conv(["batch", 8, 9], [4, 8, 3], { strides: [2] }),
  "three dimensions": conv(["batch", 8, 5, 4, 6], [4, 8, 3, 2, 3], { pads: [1, 0, 1, 1, 1, 1] }),
  "three dimensions with stride": conv(["batch", 3, 5, 4, 6], [4, 3, 3, 2, 3], { strides: [2, 1, 2] }),
  "three dimensions with dilation": conv(["batch", 3, 7, 6, 6], [4, 3, 3, 2, 3], {
    dilations: [2, 1, 2],
    pads: [1, 0, 2, 2, 1, 0],
  }),
  "three dimensions, stem of a network for video": conv(["batch", 3, 4, 8, 8], [4, 3, 3, 7, 7], {
    strides: [1, 2, 2],
    pads: [1, 3, 3, 1, 3, 3],
  }),
  "three dimensions in groups": fixedWeight(["batch", 4, 5, 4, 6], [6, 2, 3, 2, 3], {
    group: 2,
    strides: [2, 1, 2],
    pads: [1, 1, 0, 1, 0, 1],
  }),
  "three dimensions, depthwise": fixedWeight(["batch", 4, 5, 4, 6], [4, 1, 3, 3, 3], {
    group: 4,
    pads: [1, 1, 1, 1, 1, 1],
  }),
  "three dimensions, SAME_UPPER": conv(["batch", 3, 5, 4, 6], [4, 3, 3, 2, 3], {
    auto_pad: "SAME_UPPER",
    strides: [2, 1, 2],
  }),
  groups: fixedWeight(["batch", 8, 7, 6], [6, 4, 3, 3], { group: 2, pads: [1, 1, 1, 1] }),
  "groups of few channels": fixedWeight(["batch", 4, 7, 6], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1] }),
  "groups with stride": fixedWeight(["batch", 8, 7, 6], [4, 2, 3, 3], { group: 4, strides: [2, 2] }),
  "groups with dilation": fixedWeight(["batch", 8, 9, 9], [4, 2, 3, 3], { group: 4, dilations: [2, 2] }),
  depthwise: fixedWeight(["batch", 8, 7, 6], [8, 1, 3, 3], { group: 8, pads: [1, 1, 1, 1] }),
  "depthwise with stride": fixedWeight(["batch", 8, 7, 6], [8, 1, 5, 5], {
    group: 8,
    strides: [2, 2],
    pads: [2, 2, 2, 2],
  }),
  "depthwise with a multiplier": fixedWeight(["batch", 8, 7, 6], [16, 1, 3, 3], {
    group: 8,
    pads: [1, 1, 1, 1],
  }),
};

const transposes: Readonly<Record<string, readonly [readonly VjpOperand[], PlainAttributes]>> = {
  plain: fixedWeight(["batch", 4, 5, 4], [4, 3, 3, 3]),
  "stride 2 with pads and output padding": fixedWeight(["batch", 4, 5, 4], [4, 3, 3, 3], {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    output_padding: [1, 0],
  }),
  groups: fixedWeight(["batch", 4, 5, 4], [4, 2, 3, 3], { group: 2, strides: [2, 1] }),
  dilation: fixedWeight(["batch", 4, 5, 4], [4, 2, 3, 3], { dilations: [2, 1], pads: [1, 0, 2, 1] }),
  "output shape": fixedWeight(["batch", 4, 5, 4], [4, 2, 3, 3], { strides: [2, 2], output_shape: [10, 8] }),
  SAME_UPPER: fixedWeight(["batch", 4, 5, 4], [4, 2, 3, 3], { strides: [2, 2], auto_pad: "SAME_UPPER" }),
  SAME_LOWER: fixedWeight(["batch", 4, 5, 4], [4, 2, 3, 3], { strides: [2, 2], auto_pad: "SAME_LOWER" }),
  VALID: fixedWeight(["batch", 4, 5, 4], [4, 2, 3, 3], { strides: [2, 2], auto_pad: "VALID" }),
  "output padding and dilation": fixedWeight(["batch", 4, 5, 4], [4, 2, 3, 3], {
    strides: [3, 2],
    dilations: [2, 2],
    output_padding: [2, 1],
  }),
  "a bias": [[["batch", 3, 4, 3], [3, 2, 2, 2], [2]], {}],
  "one dimension": fixedWeight(["batch", 4, 5], [4, 2, 3], { strides: [2] }),
  "three dimensions": fixedWeight(["batch", 4, 3, 4, 2], [4, 2, 3, 2, 3], {
    strides: [2, 1, 2],
    pads: [1, 0, 1, 1, 1, 1],
    output_padding: [1, 0, 1],
  }),
  "three dimensions in groups": fixedWeight(["batch", 4, 3, 4, 2], [4, 2, 2, 2, 2], {
    group: 2,
    strides: [2, 2, 2],
  }),
  "three dimensions with its weight": conv(["batch", 3, 3, 4, 2], [3, 2, 2, 3, 2], { strides: [2, 1, 1] }),
  "with its weight": conv(["batch", 4, 5, 4], [4, 3, 3, 2], { strides: [2, 1], pads: [1, 0, 0, 1] }),
  "with its weight and dilation": conv(["batch", 4, 5, 4], [4, 3, 3, 3], { dilations: [2, 1] }),
};

describe("gradient rules of convolutions against central differences", () => {
  it.each(Object.entries(convolutions))("Conv, %s", async (_, [operands, attributes]) => {
    expect(await checkVjp(evaluate, "Conv", operands, { attributes })).toBeLessThan(2e-3);
  });
  it.each(Object.entries(transposes))("ConvTranspose, %s", async (_, [operands, attributes]) => {
    expect(await checkVjp(evaluate, "ConvTranspose", operands, { attributes })).toBeLessThan(2e-3);
  });
});
