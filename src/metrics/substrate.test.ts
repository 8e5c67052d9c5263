import { describe, expect, it } from "vitest";
import { linearModel, uniformImage } from "../../tests/linear-model.ts";
import { riseKernel, substrate } from "./substrate.ts";

const model = linearModel({
  channels: 3,
  height: 24,
  width: 24,
  weights: [Array<number>(3 * 576).fill(0)],
  normalization: { mean: [0.5, 0.4, 0.3], std: [0.1, 0.2, 0.5], channelOrder: "RGB" },
});
const input = uniformImage(model, 2);

describe("substrates", () => {
  it("leave a uniform image as it is under the Gaussian, also where the image is smaller than the kernel", () => {
    for (const value of substrate("blur", model, input).data) expect(value).toBeCloseTo(2, 5);
  });

  it("have black at -mean / std of each channel", () => {
    const { data } = substrate("black", model, input);
    expect(data[0]).toBeCloseTo(-5, 5);
    expect(data[576]).toBeCloseTo(-2, 5);
    expect(data[2 * 576]).toBeCloseTo(-0.6, 5);
  });

  it("have the mean colour at 0", () => {
    expect(substrate("mean", model, input).data.every((value) => value === 0)).toBe(true);
  });

  it("have RISE's folded kernel, nearly flat, with its published corner", () => {
    const kernel = riseKernel();
    expect(kernel.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
    const centre = kernel[5] ?? NaN;
    const row = [...kernel].map((weight) => weight * centre);
    [0.00827, 0.00835, 0.0085, 0.00866, 0.00879, 0.00883].forEach((value, index) =>
      expect(row[index]).toBeCloseTo(value, 4),
    );
  });

  it("fade RISE's blur to the mean colour at the borders", () => {
    const { data } = substrate("rise-blur", model, input);
    expect(data[12 * 24 + 12]).toBeCloseTo(2, 5);
    expect(data[0]).toBeLessThan(0.7);
  });
});
