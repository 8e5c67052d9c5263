import { describe, expect, it } from "vitest";
import {
  analyticMaskedNetwork,
  linearScore,
  smallNetworkScore,
} from "../../../tests/support/analytic-masked-network.ts";
import { mersenneStream, randomStream } from "../../random/random-stream.ts";
import { maskResampling } from "../../runtime/mask-resampling.ts";
import { tensor } from "../../tensor/tensor.ts";
import { constantMask } from "./mask.ts";
import {
  meaningfulPerturbationOptimizer,
  optimizeMeaningfulPerturbation,
  type MeaningfulPerturbationParams,
} from "./meaningful-perturbation.ts";
import { resolveSettings } from "./settings.ts";

const quiet: MeaningfulPerturbationParams = { ...meaningfulPerturbationOptimizer.defaults, noise: "none" };
const same = maskResampling("half-pixel", { height: 2, width: 2 }, { height: 2, width: 2 });

function problem(image: readonly number[], baseline: readonly number[], size: number, side: number) {
  const background = tensor(Float32Array.from(baseline), [1, 1, side, side]);
  return {
    input: tensor(Float32Array.from(image), [1, 1, side, side]),
    initialMask: constantMask({ height: size, width: size }, 1),
    baselineAt: () => background,
    random: (...keys: readonly (string | number)[]) => randomStream(0, ...keys),
    report: () => {},
  };
}

describe("meaningful perturbation", () => {
  it("removes exactly the cells that help a linear score, without regularisers", async () => {
    // w (I - B): 0.5, -1, 2, -0.1.
    const { mask } = await optimizeMeaningfulPerturbation(
      analyticMaskedNetwork(linearScore([0.5, -1, 2, -0.1]), 1, same),
      problem([1, 1, 1, 1], [0, 0, 0, 0], 2, 2),
      { ...quiet, iterations: 30, l1Weight: 0, tvWeight: 0 },
    );
    expect([...mask.values]).toEqual([0, 1, 0, 1]);
  });

  it("stays within a step of 1 under an overwhelming L1 weight", async () => {
    const { mask } = await optimizeMeaningfulPerturbation(
      analyticMaskedNetwork(linearScore([0.5, 1, 2, 0.1]), 1, same),
      problem([1, 1, 1, 1], [0, 0, 0, 0], 2, 2),
      { ...quiet, iterations: 25, l1Weight: 1000, tvWeight: 0 },
    );
    for (const value of mask.values) expect(value).toBeGreaterThanOrEqual(0.9 - 1e-9);
  });

  it("equals Adam written out, over twenty iterations of a small network", async () => {
    const draw = mersenneStream(8);
    const side = 6;
    const image = Array.from({ length: side * side }, () => Math.fround(draw.normal()));
    const baseline = image.map((value) => Math.fround(0.2 * value));
    const score = smallNetworkScore(side * side, 5, () => draw.normal());
    const full = maskResampling("half-pixel", { height: side, width: side }, { height: side, width: side });
    const settings = { ...quiet, iterations: 20, l1Weight: 0.05, tvWeight: 0 };
    const { mask, history } = await optimizeMeaningfulPerturbation(
      analyticMaskedNetwork(score, 1, full),
      problem(image, baseline, side, side),
      settings,
    );
    let m = image.map(() => 1);
    const first = image.map(() => 0);
    const second = image.map(() => 0);
    const scores: number[] = [];
    for (let t = 1; t <= 20; t++) {
      const { score: value, gradient } = score(
        image.map((pixel, index) => pixel * m[index]! + baseline[index]! * (1 - m[index]!)),
      );
      scores.push(value);
      m = m.map((keep, index) => {
        const g =
          gradient[index]! * (image[index]! - baseline[index]!) - (0.05 * Math.sign(1 - keep)) / m.length;
        first[index] = 0.9 * first[index]! + 0.1 * g;
        second[index] = 0.999 * second[index]! + 0.001 * g * g;
        const step =
          (0.1 * (first[index] / (1 - 0.9 ** t))) / (Math.sqrt(second[index] / (1 - 0.999 ** t)) + 1e-8);
        return Math.min(1, Math.max(0, keep - step));
      });
    }
    history.forEach((record, t) => expect(record.score).toBeCloseTo(scores[t]!, 9));
    mask.values.forEach((value, index) => expect(value).toBeCloseTo(m[index]!, 9));
    expect(scores[0]).toBeGreaterThan(0.1);
    expect(scores.at(-1)).toBeLessThan(0.9 * scores[0]!);
  });

  it("has the settings of the original code as a preset", () => {
    const { optimizer, mask } = resolveSettings(
      meaningfulPerturbationOptimizer,
      { preset: "emp-original" },
      "alone",
    );
    expect(optimizer).toMatchObject({
      iterations: 300,
      start: "disc",
      regularizer: "sum",
      l1Weight: 1e-4,
      tvWeight: 1e-2,
      jitter: 4,
    });
    expect(mask).toMatchObject({ upsampling: "nearest", maskBlur: 5, baseline: "wide-blur", sigma: 10 });
  });

  it("lets what is given win over the preset, and names unknown presets", () => {
    const given = { preset: "emp-original", jitter: 0 };
    expect(resolveSettings(meaningfulPerturbationOptimizer, given, "alone").optimizer).toMatchObject({
      jitter: 0,
    });
    expect(() => resolveSettings(meaningfulPerturbationOptimizer, { preset: "x" }, "alone")).toThrow(
      /preset: expected one of paper, emp, emp-original, got 'x'/,
    );
  });
});
