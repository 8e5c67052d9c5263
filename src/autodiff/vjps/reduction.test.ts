import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { int64, tensor } from "../../tensor/tensor.ts";
import { checkVjp, type VjpCaseOptions, type VjpOperand } from "../check-vjp.ts";

const image: VjpOperand = ["batch", 3, 4, 5];
const axes = (...values: readonly number[]): VjpOperand => ({ constant: int64(values) });
const positive = [0.5, 2] as const;

const reductions = [
  ["ReduceMean"],
  ["ReduceSum"],
  ["ReduceMax", { distinct: true }],
  ["ReduceMin", { distinct: true }],
  ["ReduceL1"],
  ["ReduceL2"],
  ["ReduceSumSquare"],
  ["ReduceLogSum", { range: positive }],
  ["ReduceLogSumExp"],
  ["ReduceProd", { range: positive }],
] as readonly (readonly [string, VjpCaseOptions?])[];

describe("gradient rules of reductions against central differences", () => {
  for (const [opType, options = {}] of reductions) {
    const run = (operands: readonly VjpOperand[], more: VjpCaseOptions): Promise<number> =>
      checkVjp(evaluate, opType, operands, { ...options, ...more });
    it(`${opType} over the image, axes kept`, async () => {
      expect(await run([image, axes(2, 3)], { opset: 18 })).toBeLessThan(2e-3);
    });
    it(`${opType} over negative axes out of order, axes dropped`, async () => {
      const attributes = { keepdims: 0 };
      expect(await run([image, axes(-1, 1)], { opset: 18, attributes })).toBeLessThan(2e-3);
    });
    it(`${opType} over everything, the batch too`, async () => {
      expect(await run([image], { attributes: { keepdims: 0 } })).toBeLessThan(2e-3);
    });
    it(`${opType} in float64`, async () => {
      expect(await run([image, axes(3)], { opset: 18, type: "float64" })).toBeLessThan(2e-3);
    });
  }
  // ReduceSum has had its axes as an input since opset 13.
  it.each(
    reductions
      .filter(([opType]) => opType !== "ReduceSum")
      .map(([opType, options]) => [opType, options ?? {}] as const),
  )("%s with axes as an attribute", async (opType, options) => {
    const attributes = { axes: [1, -2], keepdims: 0 };
    expect(await checkVjp(evaluate, opType, [image], { ...options, attributes })).toBeLessThan(2e-3);
  });
  // The runtime leaves x as it is here only in the plain reductions.
  it.each(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"])(
    "%s over an empty list of axes that means none",
    async (opType) => {
      const attributes = { noop_with_empty_axes: 1 };
      const options = { opset: 18, attributes, distinct: true };
      expect(await checkVjp(evaluate, opType, [image, axes()], options)).toBeLessThan(2e-3);
    },
  );
  it.each([
    ["forwards", {}],
    ["exclusive", { exclusive: 1 }],
    ["backwards", { reverse: 1 }],
    ["exclusive and backwards", { exclusive: 1, reverse: 1 }],
  ])("CumSum, %s", async (_, attributes) => {
    const axis: VjpOperand = { constant: int64([-2], []) };
    expect(await checkVjp(evaluate, "CumSum", [image, axis], { attributes })).toBeLessThan(2e-3);
  });
  it.each([
    ["largest of the last axis", [image, axes(2)], {}],
    ["smallest of the channels", [image, axes(2)], { axis: 1, largest: 0 }],
    ["not sorted", [image, axes(3)], { axis: -2, sorted: 0 }],
  ] as const)("TopK values, %s", async (_, operands, attributes) => {
    const options = { attributes, outputCount: 2, distinct: true };
    expect(await checkVjp(evaluate, "TopK", operands, options)).toBeLessThan(2e-3);
  });
  it.each([
    ["Softmax", {}],
    ["Softmax", { axis: 1 }],
    ["LogSoftmax", {}],
    ["LogSoftmax", { axis: -3 }],
  ])("%s with %j", async (opType, attributes) => {
    expect(await checkVjp(evaluate, opType, [image], { attributes })).toBeLessThan(2e-3);
    expect(await checkVjp(evaluate, opType, [image], { attributes, type: "float64" })).toBeLessThan(2e-3);
  });
  it("gives each element of a product the product of the others where one is zero", async () => {
    const operands: readonly VjpOperand[] = [{ input: tensor([2, 0, 3, 5, 0, 0], [2, 3]) }];
    const attributes = { axes: [1] };
    expect(await checkVjp(evaluate, "ReduceProd", operands, { attributes })).toBeLessThan(2e-3);
  });
  it("gives 0 at an L2 norm of 0", async () => {
    const operands: readonly VjpOperand[] = [{ input: tensor([3, 4, 0, 0], [2, 2]) }];
    // Central differences see |e u| - |-e u| = 0 there.
    expect(await checkVjp(evaluate, "ReduceL2", operands, { attributes: { axes: [1] } })).toBeLessThan(2e-3);
  });
});
