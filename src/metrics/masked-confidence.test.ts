import { describe, expect, it } from "vitest";
import { linearModel, uniformImage } from "../../tests/linear-model.ts";
import { evaluateMetric } from "../../tests/metric-context.ts";
import { averageDrop } from "./average-drop.ts";
import { gain } from "./gain.ts";
import { increase } from "./increase.ts";

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));
const model = linearModel({ height: 1, width: 4, weights: [[2, 1, -1, -2]] });
const input = uniformImage(model, 1);
const row = (values: readonly number[]) => ({ width: 4, height: 1, values });

describe("average drop, increase and gain", () => {
  it("are 0 for a constant map, which counts as all ones and is flagged", async () => {
    for (const metric of [averageDrop, increase, gain]) {
      const { score, details } = await evaluateMetric(metric, row([3, 3, 3, 3]), { model, input });
      expect(score).toBe(0);
      expect(details?.["isDegenerate"]).toBe(true);
    }
  });

  it("follow from the masked score of a linear network", async () => {
    // Min-max gives 0, 1/3, 2/3, 1; the masked logit is 1/3 - 2/3 - 2.
    const [whole, masked] = [sigmoid(0), sigmoid(1 / 3 - 2 / 3 - 2)];
    const drop = await evaluateMetric(averageDrop, row([0, 1, 2, 3]), { model, input });
    expect(drop.score).toBeCloseTo((whole - masked) / whole, 6);
    expect((await evaluateMetric(increase, row([0, 1, 2, 3]), { model, input })).score).toBe(0);
    const better = sigmoid(2 + 2 / 3 - 1 / 3);
    const up = await evaluateMetric(gain, row([3, 2, 1, 0]), { model, input });
    expect(up.score).toBeCloseTo((better - whole) / (1 - whole), 6);
    expect((await evaluateMetric(increase, row([3, 2, 1, 0]), { model, input })).score).toBe(1);
  });

  it("keep the top of the map only, on request", async () => {
    const { details } = await evaluateMetric(averageDrop, row([3, 2, 1, 0]), {
      model,
      input,
      params: { topFraction: 0.5 },
    });
    expect(details?.["masked"]).toBeCloseTo(sigmoid(2 + 2 / 3), 6);
  });

  it("cost two evaluations together", async () => {
    const before = model.counts.forward;
    await evaluateMetric(averageDrop, row([0, 1, 2, 3]), { model, input });
    expect(model.counts.forward - before).toBe(2);
  });
});
