import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { checkVjp, type VjpOperand } from "../check-vjp.ts";

const size = (...dims: readonly number[]): VjpOperand => ({
  constant: { type: "int64", dims: [dims.length], data: BigInt64Array.from(dims, BigInt) },
});

describe("gradient rule of AffineGrid against central differences", () => {
  it.each<[string, readonly VjpOperand[], number]>([
    ["of images", [[2, 2, 3], size(2, 1, 4, 3)], 0],
    ["of images, corners aligned", [[2, 2, 3], size(2, 1, 4, 3)], 1],
    ["of volumes", [[2, 3, 4], size(2, 1, 2, 4, 3)], 0],
    ["of volumes, corners aligned", [[2, 3, 4], size(2, 1, 2, 4, 3)], 1],
  ])("%s", async (_, operands, corners) => {
    const options = { attributes: { align_corners: corners }, opset: 20 };
    expect(await checkVjp(evaluate, "AffineGrid", operands, options)).toBeLessThan(2e-3);
  });
  it("refuses aligned corners of a single pixel", async () => {
    const options = { attributes: { align_corners: 1 }, opset: 20 };
    const check = checkVjp(evaluate, "AffineGrid", [[2, 2, 3], size(2, 1, 1, 3)], options);
    await expect(check).rejects.toThrow("no gradient rule for align_corners and a size of 1");
  });
});
