import { describe, expect, it } from "vitest";
import { ParameterError } from "../errors.ts";
import { filled, tensor } from "../tensor/tensor.ts";
import { borderIndex } from "./border.ts";
import { gaussianBlur, gaussianKernel, gaussianSize } from "./gaussian-blur.ts";

describe("gaussianKernel", () => {
  it("has the paper's edge weight and variance at size 51, sigma 50", () => {
    const kernel = gaussianKernel(51, 50);
    expect(kernel[0]! / kernel[25]!).toBeCloseTo(0.8824969, 7);
    const variance = kernel.reduce((sum, weight, index) => sum + weight * (index - 25) ** 2, 0);
    expect(Math.sqrt(variance)).toBeCloseTo(14.465757, 6);
    expect(kernel.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
  });

  it("refuses even sizes and a sigma of 0", () => {
    expect(() => gaussianKernel(50, 3)).toThrow(ParameterError);
    expect(() => gaussianKernel(3, 0)).toThrow(/sigma/);
  });

  it("is cut at 4 sigma as in SciPy", () => {
    expect(gaussianSize(0.8)).toBe(7);
    expect(gaussianSize(1)).toBe(9);
  });
});

describe("borderIndex", () => {
  const around = (border: Parameters<typeof borderIndex>[2]): string =>
    Array.from({ length: 12 }, (_, index) => "abcd"[borderIndex(index - 4, 4, border)]).join("");

  it("mirrors without the edge, with it, or repeats it", () => {
    expect(around("reflect-101")).toBe("cdcbabcdcbab");
    expect(around("symmetric")).toBe("dcbaabcddcba");
    expect(around("edge")).toBe("aaaaabcddddd");
  });

  it("stays inside an image of one pixel", () => {
    for (const border of ["reflect-101", "symmetric", "edge"] as const)
      expect(borderIndex(-7, 1, border)).toBe(0);
  });
});

describe("gaussianBlur", () => {
  it("leaves a constant image unchanged, even one smaller than the kernel", () => {
    for (const value of gaussianBlur(filled([1, 2, 9, 5], 3)).data) expect(value).toBeCloseTo(3, 6);
  });

  it("turns an impulse far from the border into the kernel", () => {
    const image = filled([1, 1, 21, 21]);
    image.data[10 * 21 + 10] = 1;
    const kernel = gaussianKernel(5, 1.5);
    const blurred = gaussianBlur(image, { size: 5, sigma: 1.5 });
    for (let dy = -3; dy <= 3; dy++) {
      for (let dx = -3; dx <= 3; dx++) {
        const expected = (kernel[dy + 2] ?? 0) * (kernel[dx + 2] ?? 0);
        expect(blurred.data[(10 + dy) * 21 + 10 + dx]).toBeCloseTo(expected, 7);
      }
    }
  });

  it("mirrors at the border without repeating the edge", () => {
    const [side, centre] = gaussianKernel(3, 1);
    const [first] = gaussianBlur(tensor([1, 10, 100, 1000], [1, 1, 1, 4]), { size: 3, sigma: 1 }).data;
    expect(first).toBeCloseTo(10 * side! + 1 * centre! + 10 * side!, 4);
  });

  it("does not modify its input", () => {
    const image = tensor([1, 2, 3, 4], [1, 1, 2, 2]);
    gaussianBlur(image, { size: 3, sigma: 1 });
    expect([...image.data]).toEqual([1, 2, 3, 4]);
  });
});
