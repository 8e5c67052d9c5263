import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { checkParts, combinations, plain, type VjpPart } from "../../../tests/support/vjp-combinations.ts";
import { checkVjp, type VjpOperand } from "../check-vjp.ts";

const image: VjpOperand = ["batch", 3, 5, 4];
const grid: VjpOperand = ["batch", 3, 4, 2];

describe("gradient rule of GridSample against central differences", () => {
  const options: readonly VjpPart[][] = [
    [
      ["zeros", { attributes: { padding_mode: "zeros" } }],
      ["border", { attributes: { padding_mode: "border" } }],
    ],
    [plain, ["corners aligned", { attributes: { align_corners: 1 } }]],
  ];
  it.each(combinations(...options))("bilinear, %s, image and grid", async (_, parts) => {
    // Small steps, so that no place crosses a pixel.
    const small = { opset: 17, step: 1e-3, range: [-1.3, 1.3], seed: 3 } as const;
    const operands = { 0: image, 1: grid };
    expect(await checkParts("GridSample", [{ operands }, ...parts], small)).toBeLessThan(4e-3);
  });
  it.each(combinations(...options))("nearest, %s, image", async (_, parts) => {
    const data = Float32Array.from({ length: 24 }, (_value, index) => 1.2 * Math.sin(1 + 3 * index));
    const places: VjpOperand = { constant: { type: "float32", dims: [1, 3, 4, 2], data } };
    const nearest = { operands: { 0: [1, 3, 5, 4], 1: places }, attributes: { mode: "nearest" } };
    expect(await checkParts("GridSample", [nearest, ...parts])).toBeLessThan(2e-3);
  });
  it("bilinear as opset 20 names it", async () => {
    const named = {
      opset: 20,
      step: 1e-3,
      range: [-1.3, 1.3],
      seed: 3,
      attributes: { mode: "linear" },
    } as const;
    expect(await checkVjp(evaluate, "GridSample", [image, grid], named)).toBeLessThan(4e-3);
  });
  it("refuses volumes", async () => {
    const check = checkVjp(
      evaluate,
      "GridSample",
      [
        [1, 1, 2, 3, 3],
        [1, 2, 2, 2, 3],
      ],
      { opset: 20 },
    );
    await expect(check).rejects.toThrow("no gradient rule for volumes");
  });
  it.each([
    ["mode 'bicubic'", { mode: "bicubic" }],
    ["padding_mode 'reflection'", { padding_mode: "reflection" }],
  ])("refuses %s", async (what, attributes) => {
    const check = checkVjp(evaluate, "GridSample", [image, grid], { attributes });
    await expect(check).rejects.toThrow(`no gradient rule for ${what}`);
  });
});
