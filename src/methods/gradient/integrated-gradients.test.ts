import { afterAll, describe, expect, it } from "vitest";
import { methodContext } from "../../../tests/support/method-context.ts";
import { modelOf } from "../../../tests/support/small-models.ts";
import type { Normalization } from "../../image/normalize.ts";
import type { GraphModel } from "../../runtime/graph-model.ts";
import { filled, tensor } from "../../tensor/tensor.ts";
import { integratedGradients, integrateGradients, type Completeness } from "./integrated-gradients.ts";
import { quadrature, quadratureRules, type QuadratureRule } from "./quadrature.ts";

const exact = ["gauss-legendre", "trapezoid", "midpoint"] as const;
const coefficients = [2, -1, 0.5, 3];
const unchanged: Normalization = { mean: [0], std: [1], channelOrder: "gray" };
const models: GraphModel[] = [];
afterAll(() => Promise.all(models.map((model) => model.close())));
/** Logit 0 is the sum of a x^power over the pixels. */
function network(power: number, batchSize = 4, normalization: Normalization = unchanged): GraphModel {
  const model = modelOf(
    [1, 2, 2],
    (g, x) => {
      const powers = g.node("Flatten", [g.pow(x, power)], { axis: 1 });
      const columns = coefficients.flatMap((a) => [a, 0]);
      return g.matmul(powers, g.floats(columns, [4, 2]));
    },
    { batchSize, normalization },
  );
  models.push(model);
  return model;
}
const input = tensor([1, 0.5, -0.25, 2], [1, 1, 2, 2]);
const target = { index: 0 };

describe("the path integral", () => {
  it.each(quadratureRules)("is exact on a linear network with rule %s", async (rule) => {
    const baseline = filled([1, 1, 2, 2], 0.25);
    const attribution = await integrateGradients({
      model: network(1),
      input,
      baseline,
      target,
      score: "logit",
      rule,
      steps: 7,
    });
    attribution.forEach((value, index) =>
      expect(value).toBeCloseTo(coefficients[index]! * (input.data[index]! - 0.25), 6),
    );
  });

  it.each(exact)("gives a (x^2 - b^2) for squares with rule %s", async (rule) => {
    const baseline = filled([1, 1, 2, 2], 0.25);
    const attribution = await integrateGradients({
      model: network(2),
      input,
      baseline,
      target,
      score: "logit",
      rule,
      steps: 6,
    });
    attribution.forEach((value, index) =>
      expect(value).toBeCloseTo(coefficients[index]! * (input.data[index]! ** 2 - 0.0625), 5),
    );
  });

  it.each<[QuadratureRule, number]>([
    ["gauss-legendre", 1],
    ["trapezoid", 1.03125],
    ["midpoint", 0.99],
    ["right", 1.32],
    ["pair", 1.125],
  ])("of x^3 from 0 to 1 with five points and rule %s is %f", (rule, expected) => {
    const { points, weights } = quadrature(rule, 5);
    expect(points.reduce((sum, point, index) => sum + weights[index]! * 3 * point ** 2, 0)).toBeCloseTo(
      expected,
      12,
    );
  });

  it("has weights that sum to 1 for every rule and count", () => {
    for (const rule of quadratureRules) {
      for (const count of [1, 2, 3, 20, 100, 500]) {
        expect(quadrature(rule, count).weights.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      }
    }
  });

  it("integrates degree 2 n - 1 exactly with n Gauss-Legendre points", () => {
    const { points, weights } = quadrature("gauss-legendre", 4);
    expect(points.reduce((sum, point, index) => sum + weights[index]! * 8 * point ** 7, 0)).toBeCloseTo(
      1,
      12,
    );
  });
});

describe("integrated gradients", () => {
  it("reports a residual near zero where the rule is exact", async () => {
    const map = await integratedGradients.explain(
      methodContext(integratedGradients, network(3), input, { params: { steps: 3 } }),
    );
    const completeness = map.details?.["completeness"] as Completeness;
    expect(completeness.relativeResidual).toBeLessThan(1e-6);
    expect(map.details?.["warnings"]).toBeUndefined();
  });

  it("warns where the sum misses the change of the score by more than 10 %", async () => {
    const map = await integratedGradients.explain(
      methodContext(integratedGradients, network(3), input, { params: { steps: 2, rule: "right" } }),
    );
    const completeness = map.details?.["completeness"] as Completeness;
    expect(completeness.relativeResidual).toBeGreaterThan(0.1);
    expect(map.details?.["warnings"]).toEqual([expect.stringMatching(/Not complete/)]);
  });

  it("gives zero where the baseline equals the image", async () => {
    const black = filled([1, 1, 2, 2]);
    const map = await integratedGradients.explain(methodContext(integratedGradients, network(2), black));
    expect([...map.values]).toEqual([0, 0, 0, 0]);
  });

  it("takes black in pixel space as the baseline, not 0 in input space", async () => {
    const model = network(1, 4, { mean: [0.5], std: [0.25], channelOrder: "gray" });
    const map = await integratedGradients.explain(
      methodContext(integratedGradients, model, input, { params: { steps: 1 } }),
    );
    // (0 - 0.5) / 0.25 = -2
    expect(map.values[0]).toBeCloseTo(2 * (1 + 2), 5);
  });

  it("averages the maps of black and white", async () => {
    const map = await integratedGradients.explain(
      methodContext(integratedGradients, network(1), input, {
        params: { baseline: "black-and-white", steps: 2 },
      }),
    );
    expect(map.values[0]).toBeCloseTo(2 * (1 - 0.5), 5);
  });

  it("does not depend on the batch size", async () => {
    const maps = await Promise.all(
      [1, 7, 64].map(
        async (size) =>
          (await integratedGradients.explain(methodContext(integratedGradients, network(3, size), input)))
            .values,
      ),
    );
    expect(maps[1]).toEqual(maps[0]);
    expect(maps[2]).toEqual(maps[0]);
  });

  it("reports its progress over all baselines", async () => {
    const done: number[] = [];
    const report = (progress: { done: number; total: number }): void =>
      void done.push(progress.done / progress.total);
    await integratedGradients.explain(
      methodContext(integratedGradients, network(1), input, {
        params: { baseline: "black-and-white", steps: 6 },
        report,
      }),
    );
    expect(done).toEqual([4 / 12, 0.5, 10 / 12, 1]);
  });
});
