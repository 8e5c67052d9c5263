import { describe, expect, it } from "vitest";
import { tensor } from "../../tensor/tensor.ts";
import { createAdam } from "./adam.ts";
import { makeBaseline } from "./baseline.ts";
import { adaptedL1Weight } from "./lambda-adaptation.ts";
import { medianFilter } from "./median-filter.ts";
import { createStallTest } from "./stall-test.ts";
import { blurOfIteration } from "./warm-up.ts";

const full = { kernel: 51, sigma: 50 };

describe("blurOfIteration", () => {
  it("grows kernel and sigma together over five iterations", () => {
    const blurs = Array.from({ length: 7 }, (_, iteration) =>
      blurOfIteration({ kind: "gradual", iterations: 5 }, iteration, full),
    );
    expect(blurs.map((blur) => blur.kernel)).toEqual([9, 17, 25, 35, 43, 51, 51]);
    [8.333, 16.667, 25, 33.333, 41.667, 50, 50].forEach((sigma, index) =>
      expect(blurs[index]!.sigma).toBeCloseTo(sigma, 3),
    );
  });

  it("is (11, 10) in a constant warm-up and full afterwards", () => {
    expect(blurOfIteration({ kind: "constant", iterations: 2 }, 1, full)).toEqual({ kernel: 11, sigma: 10 });
    expect(blurOfIteration({ kind: "constant", iterations: 2 }, 2, full)).toEqual(full);
  });

  it("follows a list and then is full", () => {
    const list = { kind: "list", blurs: [{ kernel: 5, sigma: 2 }] } as const;
    expect(blurOfIteration(list, 0, full)).toEqual({ kernel: 5, sigma: 2 });
    expect(blurOfIteration(list, 1, full)).toEqual(full);
  });
});

describe("adaptedL1Weight", () => {
  const scores = (last: number, at: number): number[] =>
    Array.from({ length: at + 1 }, (_, t) => (t === 0 ? 0.5 : last));

  it("divides by 10 at iteration 7 of 15 if the score has not moved by more than 0.001", () => {
    expect(adaptedL1Weight(1, 7, 15, scores(0.4995, 7))).toBeCloseTo(0.1, 12);
    expect(adaptedL1Weight(1, 7, 15, scores(0.49, 7))).toBe(1);
  });

  it("divides by 5 at iteration 12 of 15 if it has not moved by more than 0.01", () => {
    expect(adaptedL1Weight(1, 12, 15, scores(0.495, 12))).toBeCloseTo(0.2, 12);
    expect(adaptedL1Weight(1, 12, 15, scores(0.4, 12))).toBe(1);
  });

  it("compares the score of the iteration before", () => {
    const moved = scores(0.5, 7);
    moved[7] = 0.1;
    expect(adaptedL1Weight(1, 7, 15, moved)).toBeCloseTo(0.1, 12);
  });

  it("does nothing in other iterations or in runs of up to 3", () => {
    expect(adaptedL1Weight(1, 6, 15, scores(0.5, 6))).toBe(1);
    expect(adaptedL1Weight(1, 1, 3, scores(0.5, 1))).toBe(1);
  });
});

describe("createAdam", () => {
  it("moves by the learning rate in its first step, whatever the slope", () => {
    const adam = createAdam(2, 0.1);
    const values = adam.step(Float64Array.of(1, 1), Float64Array.of(3, -1e-3));
    expect(values[0]).toBeCloseTo(0.9, 6);
    expect(values[1]).toBeCloseTo(1.1, 4);
  });

  it("follows the bias-corrected formulas in its second step", () => {
    const adam = createAdam(1, 0.1);
    const first = adam.step(Float64Array.of(0), Float64Array.of(1));
    const second = adam.step(first, Float64Array.of(2));
    const mean = (0.9 * 0.1 * 1 + 0.1 * 2) / (1 - 0.81);
    const square = (0.999 * 0.001 + 0.001 * 4) / (1 - 0.999 ** 2);
    expect(second[0]! - first[0]!).toBeCloseTo((-0.1 * mean) / (Math.sqrt(square) + 1e-8), 12);
  });
});

describe("createStallTest", () => {
  it("stops after so many failed searches in a row", () => {
    const test = createStallTest({ stallStop: 2, tolerance: 0 });
    const failed = { isAccepted: false, objective: 1 };
    expect([
      test(failed, 1),
      test({ isAccepted: true, objective: 1 }, 1),
      test(failed, 1),
      test(failed, 1),
    ]).toEqual([false, false, false, true]);
  });

  it("stops where the objective decreases by less than the tolerance", () => {
    const test = createStallTest({ stallStop: 0, tolerance: 0.01 });
    expect(test({ isAccepted: true, objective: 0.98 }, 1)).toBe(false);
    expect(test({ isAccepted: true, objective: 0.995 }, 1)).toBe(true);
  });

  it("never stops when both are off", () => {
    expect(createStallTest({ stallStop: 0, tolerance: 0 })({ isAccepted: false, objective: 1 }, 1)).toBe(
      false,
    );
  });
});

describe("makeBaseline", () => {
  const normalization = { mean: [0.5], std: [0.25], channelOrder: "gray" } as const;
  const image = tensor(
    Float32Array.from({ length: 100 }, (_, index) => (index % 7) / 7),
    [1, 1, 10, 10],
  );
  const value = (kind: Parameters<typeof makeBaseline>[0]): number =>
    makeBaseline(kind, image, { kernel: 5, sigma: 2 }, normalization).data[0]!;

  it("names colours in pixel space, except the mean", () => {
    expect([value("black"), value("white"), value("mean")]).toEqual([-2, 2, 0]);
  });

  it("leaves a constant image alone when it blurs or takes medians", () => {
    const flat = tensor(new Float32Array(100).fill(0.4), [1, 1, 10, 10]);
    for (const kind of ["blur", "wide-blur", "median", "median-and-blur"] as const) {
      const { data } = makeBaseline(kind, flat, { kernel: 5, sigma: 2 }, normalization);
      // A median is taken of 8-bit values.
      for (const pixel of data)
        expect(Math.abs(pixel - 0.4)).toBeLessThan(
          kind === "blur" || kind === "wide-blur" ? 1e-6 : 0.5 / 255 / 0.25 + 1e-6,
        );
    }
  });
});

describe("medianFilter", () => {
  it("equals sorting the window, borders replicated", () => {
    const [width, height, size] = [7, 5, 3];
    const plane = Uint8Array.from({ length: width * height }, (_, index) => (index * 97 + 13) % 256);
    const expected = plane.map((_, index) => {
      const [x, y] = [index % width, Math.floor(index / width)];
      const window: number[] = [];
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          window.push(
            plane[
              Math.min(height - 1, Math.max(0, y + dy)) * width + Math.min(width - 1, Math.max(0, x + dx))
            ]!,
          );
        }
      }
      return window.sort((a, b) => a - b)[4]!;
    });
    expect(medianFilter(plane, width, height, size)).toEqual(expected);
  });
});
