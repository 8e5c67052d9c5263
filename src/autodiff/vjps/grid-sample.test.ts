import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { checkVjp, type VjpOperand } from "../check-vjp.ts";

const image: VjpOperand = ["batch", 3, 5, 4];
const grid: VjpOperand = ["batch", 3, 4, 2];

describe("gradient rule of GridSample against central differences", () => {
  it.each([
    ["bilinear", {}],
    ["bilinear, corners aligned", { align_corners: 1 }],
    ["bilinear, border", { padding_mode: "border" }],
  ])("%s, image and grid", async (_, attributes) => {
    // Small steps, so that no place crosses a pixel.
    const options = { attributes, opset: 17, step: 1e-3, range: [-1.3, 1.3], seed: 3 } as const;
    expect(await checkVjp(evaluate, "GridSample", [image, grid], options)).toBeLessThan(4e-3);
  });
  it.each([
    ["nearest", { mode: "nearest" }],
    ["nearest, border", { mode: "nearest", padding_mode: "border", align_corners: 1 }],
  ])("%s, image", async (_, attributes) => {
    const data = Float32Array.from({ length: 24 }, (_, index) => 1.2 * Math.sin(1 + 3 * index));
    const places: VjpOperand = { constant: { type: "float32", dims: [1, 3, 4, 2], data } };
    const operands = [[1, 3, 5, 4], places] as const;
    expect(await checkVjp(evaluate, "GridSample", operands, { attributes })).toBeLessThan(2e-3);
  });
  it.each([
    ["mode 'bicubic'", { mode: "bicubic" }],
    ["padding_mode 'reflection'", { padding_mode: "reflection" }],
  ])("refuses %s", async (what, attributes) => {
    const check = checkVjp(evaluate, "GridSample", [image, grid], { attributes });
    await expect(check).rejects.toThrow(`no gradient rule for ${what}`);
  });
});
