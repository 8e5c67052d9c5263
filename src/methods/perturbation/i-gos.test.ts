import { describe, expect, it } from "vitest";
import {
  analyticMaskedNetwork,
  linearScore,
  smallNetworkScore,
} from "../../../tests/support/analytic-masked-network.ts";
import {
  straightforwardIGos,
  type DifferentiableScore,
} from "../../../tests/support/straightforward-i-gos.ts";
import { AbortedError } from "../../errors.ts";
import { mersenneStream, randomStream } from "../../random/random-stream.ts";
import { maskResampling, resampleAdjoint } from "../../runtime/mask-resampling.ts";
import { filled, tensor } from "../../tensor/tensor.ts";
import { iGosOptimizer, optimizeIGos, type IGosParams, type IGosProblem } from "./i-gos.ts";
import { constantMask } from "./mask.ts";

const { defaults } = iGosOptimizer;
const quiet: IGosParams = { ...defaults, noise: "none" };

function problemOf(
  input: number[],
  baseline: number[],
  size: number,
  options: Partial<IGosProblem> = {},
): IGosProblem {
  const side = Math.sqrt(input.length / 3);
  const dims = Number.isInteger(side)
    ? [1, 3, side, side]
    : [1, 1, Math.sqrt(input.length), Math.sqrt(input.length)];
  const background = tensor(baseline, dims);
  return {
    input: tensor(input, dims),
    initialMask: constantMask({ height: size, width: size }, 1),
    baselineAt: () => background,
    random: (...keys) => randomStream(0, ...keys),
    report: () => {},
    ...options,
  };
}

describe("I-GOS on four pixels", () => {
  const same = maskResampling("half-pixel", { height: 2, width: 2 }, { height: 2, width: 2 });
  const settings: IGosParams = {
    ...quiet,
    iterations: 3,
    l1Weight: 1,
    tvWeight: 0.2,
    lambdaAdaptation: false,
  };
  const run = () =>
    optimizeIGos(
      analyticMaskedNetwork(linearScore([0.5, 1, 0, 2]), 1, same),
      problemOf([1, 1, 1, 1], [0, 0, 0, 0], 2),
      settings,
    );

  it("follows the golden trace", async () => {
    const { history, mask, isFinished } = await run();
    expect(isFinished).toBe(true);
    expect(history[0]).toMatchObject({ step: 200, evaluations: 1, isAccepted: true });
    expect(history[0]!.objectiveBefore).toBeCloseTo(3.5, 6);
    expect(history[0]!.objective).toBeCloseTo(0.95, 6);
    expect(history[1]).toMatchObject({ evaluations: 5, isAccepted: true });
    expect(history[1]!.step).toBeCloseTo(0.32, 9);
    expect(history[1]!.objective).toBeCloseTo(0.939333, 6);
    expect(history[2]).toMatchObject({ evaluations: 12, isAccepted: false });
    expect(history[2]!.step).toBeCloseTo(4.096e-6, 12);
    expect(history[2]!.objective).toBeCloseTo(0.939333, 5);
    expect([...mask.values]).toEqual([0.06, 0, 0.872, 0].map((value) => expect.closeTo(value, 4) as unknown));
  });

  it("gives the golden masks after one and two iterations", async () => {
    const masks: number[][] = [];
    await optimizeIGos(
      analyticMaskedNetwork(linearScore([0.5, 1, 0, 2]), 1, same),
      problemOf([1, 1, 1, 1], [0, 0, 0, 0], 2, { report: ({ mask }) => masks.push([...mask.values]) }),
      settings,
    );
    expect(masks[0]).toEqual([0, 0, 1, 0]);
    expect(masks[1]).toEqual([0.06, 0, 0.872, 0].map((value) => expect.closeTo(value, 6) as unknown));
  });
});

describe("I-GOS", () => {
  const draw = mersenneStream(11);
  const side = 8;
  const size = 4;
  const resampling = maskResampling(
    "align-corners",
    { height: size, width: size },
    { height: side, width: side },
  );
  const image = Array.from({ length: 3 * side * side }, () => Math.fround(draw.normal()));
  const blurred = image.map((value, index) => Math.fround(0.3 * value + 0.1 * Math.sin(index)));
  const score: DifferentiableScore = smallNetworkScore(image.length, 6, () => draw.normal());

  it.each([
    ["one iteration", 1, false],
    ["fifteen iterations", 15, false],
    ["fifteen iterations with a warm-up and lambda adaptation", 15, true],
  ])("equals a straightforward implementation over %s", async (_, iterations, warms) => {
    const weak = image.map((value, index) => 0.5 * (value + blurred[index]!)).map(Math.fround);
    const [early, late] = [tensor(weak, [1, 3, side, side]), tensor(blurred, [1, 3, side, side])];
    const start = Array.from({ length: size * size }, (_, cell) => 0.85 + (0.15 * (cell % 5)) / 4);
    const masks: number[][] = [];
    const { history } = await optimizeIGos(
      analyticMaskedNetwork(score, 3, resampling),
      problemOf(image, blurred, size, {
        initialMask: { height: size, width: size, values: Float64Array.from(start) },
        baselineAt: (t) => (warms && t < 5 ? early : late),
        report: ({ mask }) => masks.push([...mask.values]),
      }),
      { ...quiet, iterations, lambdaAdaptation: warms, l1Weight: 0.3, tvWeight: 0.5 },
    );
    const expected = await straightforwardIGos({
      score,
      image,
      channels: 3,
      height: side,
      width: side,
      maskSize: size,
      start,
      alignCorners: true,
      iterations,
      steps: 20,
      lambda1: 0.3,
      lambda2: 0.5,
      adapts: warms,
      baselineAt: (t) => (warms && t < 5 ? weak : blurred),
    });
    expected.forEach((entry, iteration) => {
      const { step, evaluations, objective } = history[iteration]!;
      expect({ step, evaluations }).toEqual({
        step: expect.closeTo(entry.step, 9),
        evaluations: entry.evaluations,
      });
      expect(objective).toBeCloseTo(entry.objective, 9);
      masks[iteration]!.forEach((value, cell) => expect(value).toBeCloseTo(entry.mask[cell]!, 9));
    });
    expect(history).toHaveLength(iterations);
    // A trace that goes nowhere would prove nothing.
    expect(history[0]!.score).toBeGreaterThan(0.05);
    expect(Math.max(...masks.at(-1)!.map((value, cell) => Math.abs(value - start[cell]!)))).toBeGreaterThan(
      0.05,
    );
  });

  it("has (S + 1) / (2 S) of the plain gradient on a linear score, and half of it with Gauss-Legendre nodes", async () => {
    const weights = image.map((_, index) => Math.cos(index));
    const expected = resampleAdjoint(
      resampling,
      Float64Array.from({ length: side * side }, (_, pixel) =>
        [0, 1, 2].reduce((sum, channel) => {
          const index = channel * side * side + pixel;
          return sum + weights[index]! * (image[index]! - blurred[index]!);
        }, 0),
      ),
    );
    for (const [quadrature, steps, factor] of [
      ["equal", 20, 0.525],
      ["equal", 1, 1],
      ["midpoint", 7, 0.5],
      ["gauss-legendre", 3, 0.5],
    ] as const) {
      let first: Float64Array | undefined;
      await optimizeIGos(
        analyticMaskedNetwork(linearScore(weights), 3, resampling),
        problemOf(image, blurred, size, {
          // A small first step from 0.5: the mask then shows the gradient.
          initialMask: constantMask({ height: size, width: size }, 0.5),
          report: ({ mask }) => (first = mask.values),
        }),
        {
          ...quiet,
          iterations: 1,
          quadrature,
          steps,
          l1Weight: 0,
          tvWeight: 0,
          initialStep: 1e-3,
          smallestStep: 1e-2,
        },
      );
      first!.forEach((value, cell) => expect((0.5 - value) / 1e-3).toBeCloseTo(factor * expected[cell]!, 6));
    }
  });

  it("leaves the mask at ones where the image is the baseline", async () => {
    const { mask } = await optimizeIGos(
      analyticMaskedNetwork(score, 3, resampling),
      problemOf(image, image, size),
      { ...defaults, iterations: 3 },
    );
    expect(mask.values.every((value) => value === 1)).toBe(true);
  });

  it("does not raise the objective where the line search succeeded, and keeps the mask in 0..1", async () => {
    const { history, mask } = await optimizeIGos(
      analyticMaskedNetwork(score, 3, resampling),
      problemOf(image, blurred, size),
      { ...quiet, l1Weight: 0.2, tvWeight: 0.3 },
    );
    expect(history.some((record) => record.isAccepted)).toBe(true);
    for (const record of history.filter((each) => each.isAccepted)) {
      expect(record.objective).toBeLessThanOrEqual(record.objectiveBefore);
    }
    expect(history.at(-1)!.objective).toBeLessThan(history[0]!.objectiveBefore);
    for (const value of mask.values) expect(value >= 0 && value <= 1).toBe(true);
  });

  it("draws noise by iteration and step alone", async () => {
    const run = async (candidates: number): Promise<number[]> => {
      const { mask } = await optimizeIGos(
        analyticMaskedNetwork(score, 3, resampling),
        problemOf(image, blurred, size),
        { ...defaults, iterations: 4, candidates, l1Weight: 0.2, tvWeight: 0.3 },
      );
      return [...mask.values];
    };
    expect(await run(1)).toEqual(await run(12));
  });

  it("scores a mask again only when the baseline has changed", async () => {
    const network = analyticMaskedNetwork(score, 3, resampling);
    const { history } = await optimizeIGos(network, problemOf(image, blurred, size), {
      ...quiet,
      iterations: 5,
    });
    const searched = history.reduce((sum, record) => sum + record.evaluations, 0);
    expect(network.counts).toEqual({ forward: searched + 1, gradient: 100 });
  });

  it("sums gradients over iterations if asked to", async () => {
    const run = (accumulateGradients: boolean) =>
      optimizeIGos(analyticMaskedNetwork(score, 3, resampling), problemOf(image, blurred, size), {
        ...quiet,
        iterations: 3,
        accumulateGradients,
        l1Weight: 0.2,
        tvWeight: 0.3,
      });
    const [fresh, summed] = [await run(false), await run(true)];
    expect(summed.history[0]).toEqual(fresh.history[0]);
    expect(summed.history[1]).not.toEqual(fresh.history[1]);
  });

  it("stops early with the mask so far, and says so", async () => {
    const controller = new AbortController();
    const { history, isFinished } = await optimizeIGos(
      analyticMaskedNetwork(score, 3, resampling),
      problemOf(image, blurred, size, {
        stop: controller.signal,
        report: ({ iteration }) => iteration === 2 && controller.abort(),
      }),
      quiet,
    );
    expect(isFinished).toBe(false);
    expect(history).toHaveLength(2);
  });

  it("rejects when it is aborted", async () => {
    const controller = new AbortController();
    const run = optimizeIGos(
      analyticMaskedNetwork(score, 3, resampling),
      problemOf(image, blurred, size, {
        signal: controller.signal,
        report: () => controller.abort(),
      }),
      quiet,
    );
    await expect(run).rejects.toBeInstanceOf(AbortedError);
  });

  it("gives up after failed searches in a row if asked to", async () => {
    const flat: DifferentiableScore = (x) => ({ score: 0.5, gradient: x.map((_, index) => Math.sin(index)) });
    const run = (stallStop: number) =>
      optimizeIGos(analyticMaskedNetwork(flat, 3, resampling), problemOf(image, blurred, size), {
        ...quiet,
        stallStop,
        tvWeight: 0,
      });
    expect((await run(2)).history).toHaveLength(2);
    expect((await run(0)).history).toHaveLength(15);
  });

  it("adds nothing to a composite of one value with inverse-spread noise", async () => {
    const { mask } = await optimizeIGos(
      analyticMaskedNetwork(score, 3, resampling),
      {
        ...problemOf(image, image, size),
        input: filled([1, 3, side, side], 0.5),
        baselineAt: () => filled([1, 3, side, side], 0.5),
      },
      { ...defaults, iterations: 2, noise: "inverse-spread" },
    );
    expect(mask.values.every((value) => value === 1)).toBe(true);
  });
});
