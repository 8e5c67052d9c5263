import { describe, expect, it } from "vitest";
import {
  analyticMaskedNetwork,
  linearScore,
  smallNetworkScore,
} from "../../../tests/support/analytic-masked-network.ts";
import { mersenneStream, randomStream } from "../../random/random-stream.ts";
import { maskResampling, resampleAdjoint } from "../../runtime/mask-resampling.ts";
import { tensor } from "../../tensor/tensor.ts";
import { bilateralRegularizer } from "./bilateral-total-variation.ts";
import { iGosPpOptimizer, optimizeIGosPp, type IGosPpParams } from "./i-gos-pp.ts";
import { constantMask, type Mask } from "./mask.ts";

const side = 8;
const size = 4;
const resampling = maskResampling(
  "align-corners",
  { height: size, width: size },
  { height: side, width: side },
);
const draw = mersenneStream(17);
const image = Array.from({ length: side * side }, () => Math.fround(draw.normal()));
const baseline = image.map((value) => Math.fround(0.2 * value + 0.1));
const input = tensor(image, [1, 1, side, side]);
const regularizer = bilateralRegularizer(input, resampling, 0.01);
const quiet: IGosPpParams = { ...iGosPpOptimizer.defaults, noise: "none" };
const score = smallNetworkScore(side * side, 6, () => draw.normal());

function problem(
  background: readonly number[],
  initialMask: Mask = constantMask({ height: size, width: size }, 1),
) {
  const image = tensor(Float32Array.from(background), [1, 1, side, side]);
  return {
    input,
    initialMask,
    baselineAt: () => image,
    random: (...keys: readonly (string | number)[]) => randomStream(0, ...keys),
    report: () => {},
  };
}

describe("iGOS++", () => {
  it("leaves the masks at ones where the image is the baseline", async () => {
    const { mask } = await optimizeIGosPp(
      analyticMaskedNetwork(score, 1, resampling),
      regularizer,
      problem(image),
      { ...iGosPpOptimizer.defaults, iterations: 2 },
    );
    expect(mask.values.every((value) => value === 1)).toBe(true);
  });

  it("has deletion and insertion pull alike on a linear score", async () => {
    // From D = N = 1/2 with one small step: each of the two products of a mask pulls with (S + 1) / (2 S) / 2 of the plain
    // gradient, its lone game with twice as much; half of the sum of 0.5 + 0.5 + 1 is 1 time the factor.
    const weights = image.map((_, index) => Math.cos(index));
    const plain = resampleAdjoint(
      resampling,
      Float64Array.from(weights, (weight, pixel) => weight * (image[pixel]! - baseline[pixel]!)),
    );
    const step = 1e-3;
    const { mask } = await optimizeIGosPp(
      analyticMaskedNetwork(linearScore(weights), 1, resampling),
      regularizer,
      problem(baseline, constantMask({ height: size, width: size }, 0.25)),
      { ...quiet, iterations: 1, l1Weight: 0, tvWeight: 0, initialStep: step, smallestStep: 1e-2 },
    );
    mask.values.forEach((value, cell) => {
      const each = (0.5 - Math.sqrt(value)) / step;
      expect(each).toBeCloseTo(0.525 * plain[cell]!, 6);
    });
  });

  it("starts two masks at the square root of a given mask, or at the mask", async () => {
    const start = constantMask({ height: size, width: size }, 0.64);
    const end = async (aopStart: IGosPpParams["aopStart"]): Promise<number> => {
      const { mask } = await optimizeIGosPp(
        analyticMaskedNetwork(score, 1, resampling),
        regularizer,
        problem(baseline, start),
        { ...quiet, iterations: 0, aopStart },
      );
      return mask.values[0]!;
    };
    expect(await end("square-root")).toBeCloseTo(0.64, 12);
    expect(await end("copy")).toBeCloseTo(0.4096, 12);
  });

  it.each(["two-masks", "one-mask"] as const)(
    "lowers its objective where the line search succeeds: %s",
    async (variant) => {
      const network = analyticMaskedNetwork(score, 1, resampling);
      const { history, mask } = await optimizeIGosPp(network, regularizer, problem(baseline), {
        ...quiet,
        variant,
        iterations: 6,
        steps: 5,
        l1Weight: 0.1,
        tvWeight: 0.2,
      });
      for (const record of history.filter(({ isAccepted }) => isAccepted)) {
        expect(record.objective).toBeLessThanOrEqual(record.objectiveBefore);
      }
      expect(history.at(-1)!.objective).toBeLessThan(history[0]!.objectiveBefore);
      expect(network.counts.gradient).toBe(6 * 5 * (variant === "two-masks" ? 4 : 2));
      for (const value of mask.values) expect(value >= 0 && value <= 1).toBe(true);
    },
  );

  it("moves with momentum if asked to, without any in the first step", async () => {
    const run = (update: IGosPpParams["update"], iterations: number) =>
      optimizeIGosPp(analyticMaskedNetwork(score, 1, resampling), regularizer, problem(baseline), {
        ...quiet,
        update,
        iterations,
        steps: 3,
        initialStep: 0.5,
        smallestStep: 1,
      });
    const [searched, nesterov] = [await run("line-search", 1), await run("nesterov", 1)];
    nesterov.mask.values.forEach((value, cell) => expect(value).toBeCloseTo(searched.mask.values[cell]!, 12));
    expect((await run("nesterov", 3)).history).toHaveLength(3);
  });
});
