import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { checkVjp, type VjpCaseOptions, type VjpOperand } from "../check-vjp.ts";

const sizes = (...values: readonly number[]): VjpOperand => ({
  constant: { type: "int64", dims: [values.length], data: BigInt64Array.from(values, BigInt) },
});

describe("gradient rule of Col2Im against central differences", () => {
  it.each<[string, readonly VjpOperand[], VjpCaseOptions["attributes"]]>([
    ["blocks that overlap", [["batch", 3 * 4, 4 * 5], sizes(5, 6), sizes(2, 2)], {}],
    ["blocks side by side", [["batch", 2 * 6, 4], sizes(4, 6), sizes(2, 3)], { strides: [2, 3] }],
    ["uneven pads", [["batch", 2 * 6, 3 * 4], sizes(4, 3), sizes(3, 2)], { pads: [1, 0, 0, 2] }],
    ["dilated", [["batch", 2 * 4, 2 * 3], sizes(5, 4), sizes(2, 2)], { dilations: [3, 1] }],
    [
      "dilated, with strides and pads",
      [["batch", 2 * 4, 2 * 3], sizes(7, 6), sizes(2, 2)],
      { dilations: [3, 2], strides: [2, 2], pads: [0, 1, 0, 0] },
    ],
    ["of sequences", [["batch", 2 * 3, 4], sizes(6), sizes(3)], {}],
    ["of volumes", [["batch", 8, 2 * 1 * 2], sizes(3, 2, 3), sizes(2, 2, 2)], {}],
  ])("%s", async (_, operands, attributes = {}) => {
    expect(await checkVjp(evaluate, "Col2Im", operands, { attributes, opset: 18 })).toBeLessThan(2e-3);
  });
});
