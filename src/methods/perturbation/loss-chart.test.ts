import { describe, expect, it } from "vitest";
import { lossChart } from "./loss-chart.ts";

const record = {
  score: 0.5,
  l1: 0.1,
  tv: 0.01,
  objective: 0.8,
  objectiveBefore: 0.9,
  l1Weight: 1,
  step: 8,
  evaluations: 3,
  isAccepted: true,
};

describe("lossChart", () => {
  it("shows the objective, its weighted terms and the steps", () => {
    const history = [record, { ...record, score: 0.25, objective: 0.55, step: 4 }];
    const chart = lossChart({ history, settings: { tvWeight: 20 } }, "I-GOS");
    const height = (label: string, step = 0): number => {
      const shape = chart?.shapes.find(
        (candidate) => candidate.kind === "stroke" && candidate.label === label,
      );
      return shape?.kind === "stroke" ? shape.points[2 * step + 1]! : Number.NaN;
    };
    expect(height("objective", 1)).toBeGreaterThan(height("objective"));
    // 20 * 0.01 is twice 1 * 0.1: higher up.
    expect(height("TV term")).toBeLessThan(height("L1 term"));
    expect(height("step", 1)).toBeGreaterThan(height("step"));
  });

  it("has nothing to show of methods that optimise nothing", () => {
    expect(lossChart(undefined, "Grad-CAM")).toBeUndefined();
    expect(lossChart({ history: [] }, "I-GOS after no step")).toBeUndefined();
  });
});
