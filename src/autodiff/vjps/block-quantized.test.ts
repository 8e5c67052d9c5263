import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { tensor, type AnyTensor } from "../../tensor/tensor.ts";
import { checkVjp, type VjpOperand } from "../check-vjp.ts";

const bytes = (dims: readonly number[]): VjpOperand => {
  const count = dims.reduce((a, b) => a * b, 1);
  const constant: AnyTensor = {
    type: "uint8",
    dims,
    data: Uint8Array.from({ length: count }, (_, index) => (index * 89 + 41) % 256),
  };
  return { constant };
};
const scales = (count: number): VjpOperand => ({
  constant: tensor(
    Array.from({ length: count }, (_, index) => 0.02 + 0.01 * Math.sin(index)),
    [count],
  ),
});
const tokens = (width: number): VjpOperand => ["batch", 3, width];
const sizes = (K: number, bits: number) => ({
  attributes: { K, N: 5, bits, block_size: 16 },
  domain: "com.microsoft",
});

describe("gradient rule of MatMulNBits against central differences", () => {
  it.each([
    ["4 bits", [tokens(32), bytes([5, 2, 8]), scales(10)], sizes(32, 4)],
    ["a last block in part", [tokens(24), bytes([5, 2, 8]), scales(10)], sizes(24, 4)],
    ["packed zero points", [tokens(48), bytes([5, 3, 8]), scales(15), bytes([10])], sizes(48, 4)],
    ["8 bits", [tokens(32), bytes([5, 2, 16]), scales(10)], sizes(32, 8)],
    ["8 bits, zero points", [tokens(48), bytes([5, 3, 16]), scales(15), bytes([15])], sizes(48, 8)],
    ["zero points in floating point", [tokens(32), bytes([5, 2, 8]), scales(10), scales(10)], sizes(32, 4)],
    ["a bias", [tokens(32), bytes([5, 2, 8]), scales(10), "", "", [5]], sizes(32, 4)],
    [
      "packed zero points and a bias",
      [tokens(32), bytes([5, 2, 8]), scales(10), bytes([5]), "", [5]],
      sizes(32, 4),
    ],
  ] as const)("%s", async (_, operands, options) => {
    expect(await checkVjp(evaluate, "MatMulNBits", operands, { ...options })).toBeLessThan(2e-3);
  });
  it("refuses a group index and other numbers of bits", async () => {
    const index: VjpOperand = { constant: { type: "int32", dims: [32], data: new Int32Array(32) } };
    const operands = [tokens(32), bytes([5, 2, 8]), scales(10), "", index] as const;
    const grouped = checkVjp(evaluate, "MatMulNBits", operands, { ...sizes(32, 4) });
    await expect(grouped).rejects.toThrow("no gradient rule for a group index");
    const two = checkVjp(evaluate, "MatMulNBits", [tokens(32), bytes([5, 2, 4]), scales(10)], {
      ...sizes(32, 2),
    });
    await expect(two).rejects.toThrow("no gradient rule for 2 bits");
  });
});
