import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { GraphBuilder, type PlainAttributes } from "../../graph/graph-builder.ts";
import { int64, tensor } from "../../tensor/tensor.ts";
import { checkVjp, type VjpCaseOptions, type VjpOperand } from "../check-vjp.ts";
import { differentiate } from "../differentiate.ts";

const image: VjpOperand = ["batch", 2, 5, 6];
const scaled = (...scales: readonly number[]): readonly VjpOperand[] => ["", floats(scales)];
const sized = (...sizes: readonly number[]): readonly VjpOperand[] => ["", "", { constant: int64(sizes) }];
const floats = (values: readonly number[]): VjpOperand => ({ constant: tensor(values, [values.length]) });

const targets: Readonly<Record<string, readonly VjpOperand[]>> = {
  "larger by integers": scaled(1, 1, 2, 3),
  "larger by 1.6 and 2.5": scaled(1, 1, 1.6, 2.5),
  "smaller by 0.6 and 0.7": scaled(1, 1, 0.6, 0.7),
  "one axis": scaled(1, 1, 1, 1.5),
};
const transforms = [
  "half_pixel",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "half_pixel_symmetric",
];
const roundings = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"];

const check = (target: readonly VjpOperand[], attributes: PlainAttributes, options: VjpCaseOptions = {}) =>
  checkVjp(evaluate, "Resize", [image, ...target], { opset: 19, ...options, attributes });

describe("gradient rules of Resize against central differences", () => {
  for (const transform of transforms) {
    for (const rounding of roundings) {
      it.each(Object.entries(targets))(`nearest, ${transform}, ${rounding}, %s`, async (_, target) => {
        const attributes = {
          mode: "nearest",
          coordinate_transformation_mode: transform,
          nearest_mode: rounding,
        };
        expect(await check(target, attributes)).toBeLessThan(2e-3);
      });
    }
  }
  for (const mode of ["linear", "cubic"]) {
    for (const transform of transforms) {
      it.each(Object.entries(targets))(`${mode}, ${transform}, %s`, async (_, target) => {
        const attributes = { mode, coordinate_transformation_mode: transform };
        expect(await check(target, attributes)).toBeLessThan(2e-3);
      });
    }
    it.each(Object.entries(targets))(`${mode} with antialias, %s`, async (_, target) => {
      expect(await check(target, { mode, antialias: 1 })).toBeLessThan(2e-3);
    });
    it(`${mode} with antialias, borders excluded`, async () => {
      expect(await check(scaled(1, 1, 0.6, 0.7), { mode, antialias: 1, exclude_outside: 1 })).toBeLessThan(
        2e-3,
      );
    });
  }
  it("cubic with another coefficient, borders excluded", async () => {
    const attributes = { mode: "cubic", cubic_coeff_a: { float: -0.5 }, exclude_outside: 1 };
    expect(await check(scaled(1, 1, 1.6, 0.6), attributes)).toBeLessThan(2e-3);
  });
  it.each(["nearest", "linear", "cubic"])("%s to given sizes", async (mode) => {
    const operands = [[1, 2, 5, 6], ...sized(1, 2, 8, 4)] as const;
    const options = { attributes: { mode } };
    expect(await checkVjp(evaluate, "Resize", operands, options)).toBeLessThan(2e-3);
  });
  it.each(["nearest", "linear", "cubic"])("%s of a region that leaves the image", async (mode) => {
    const region = floats([0, 0, 0.2, -0.3, 1, 1, 1.4, 0.8]);
    const attributes = {
      mode,
      coordinate_transformation_mode: "tf_crop_and_resize",
      extrapolation_value: { float: 7 },
    };
    const operands = [[1, 2, 5, 6], region, "", { constant: int64([1, 2, 4, 5]) }] as const;
    expect(await checkVjp(evaluate, "Resize", operands, { attributes })).toBeLessThan(2e-3);
  });
  it("chosen axes only", async () => {
    const options = { opset: 18, attributes: { mode: "linear", axes: [2, 3] } };
    const operands = [image, "", "", { constant: int64([9, 4]) }] as const;
    expect(await checkVjp(evaluate, "Resize", operands, options)).toBeLessThan(2e-3);
  });
  it("nearest, tf_half_pixel_for_nn", async () => {
    const attributes = { coordinate_transformation_mode: "tf_half_pixel_for_nn", nearest_mode: "floor" };
    expect(await check(scaled(1, 1, 2, 3), attributes)).toBeLessThan(2e-3);
  });
  it("nearest of one and of three dimensions", async () => {
    const attributes = { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
    const row = [["batch", 2, 5], ...scaled(1, 1, 3)] as const;
    expect(await checkVjp(evaluate, "Resize", row, { attributes })).toBeLessThan(2e-3);
    const volume = [["batch", 2, 3, 2, 4], ...scaled(1, 1, 2, 2, 1.5)] as const;
    expect(await checkVjp(evaluate, "Resize", volume, { attributes })).toBeLessThan(2e-3);
  });
  it("trilinear with aligned corners, and of a half-pixel nearest volume", async () => {
    const operands = [["batch", 2, 3, 2, 4], ...scaled(1, 1, 2, 2, 1.5)] as const;
    const aligned = { mode: "linear", coordinate_transformation_mode: "align_corners" };
    expect(await checkVjp(evaluate, "Resize", operands, { attributes: aligned })).toBeLessThan(2e-3);
    expect(await checkVjp(evaluate, "Resize", operands, { attributes: { mode: "nearest" } })).toBeLessThan(
      2e-3,
    );
  });
  it("trilinear", async () => {
    const operands = [["batch", 2, 3, 2, 4], ...scaled(1, 1, 2, 1.5, 0.5)] as const;
    expect(await checkVjp(evaluate, "Resize", operands, { attributes: { mode: "linear" } })).toBeLessThan(
      2e-3,
    );
  });
  it("channels last", async () => {
    const operands = [["batch", 5, 6, 2], ...scaled(1, 2, 2, 1)] as const;
    expect(await checkVjp(evaluate, "Resize", operands, { attributes: { mode: "nearest" } })).toBeLessThan(
      2e-3,
    );
  });
  it("undoes nearest repetition by an integer with a pool, without a matrix", () => {
    const g = GraphBuilder.empty();
    g.input("x", ["batch", 2, 5, 6]);
    const scales = g.floats([1, 1, 2, 2], [4]);
    const attributes = { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
    const y = g.output(g.node("Resize", ["x", "", scales], attributes));
    differentiate(g, { of: [y], wrt: ["x"] });
    expect(g.allNodes.some((node) => node.opType === "AveragePool")).toBe(true);
    expect(g.allNodes.some((node) => node.opType === "MatMul")).toBe(false);
  });
});
