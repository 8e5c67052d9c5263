import { describe, expect, it } from "vitest";
import { curveCharts, type MapEvaluation } from "./map-evaluation.ts";
import { drawExplanations } from "./explanation-picture.ts";

const evaluation: MapEvaluation = {
  deletion: { auc: 0.25, curve: { x: [0, 0.5, 1], y: [0.5, 0.25, 0] } },
  insertion: { auc: 0.5, curve: { x: [0, 0.5, 1], y: [0, 0.75, 1] } },
};

describe("curveCharts", () => {
  it("shows both curves of one map in one chart, with their areas", () => {
    const [chart, ...others] = curveCharts([{ title: "Grad-CAM", evaluation }], false);
    expect(others).toEqual([]);
    expect(chart?.panels[0]?.series).toEqual([
      { label: "deletion 25.0 %", x: [0, 0.5, 1], y: [0.5, 0.25, 0] },
      { label: "insertion 50.0 %", x: [0, 0.5, 1], y: [0, 0.75, 1] },
    ]);
    expect(chart?.panels[0]?.range).toEqual([0, 1]);
  });

  it("compares several maps in a chart for each measure", () => {
    const charts = curveCharts(
      [
        { title: "Grad-CAM", evaluation },
        { title: "RISE", evaluation },
      ],
      false,
    );
    expect(charts.map(({ panels }) => panels[0]?.series.map(({ label }) => label))).toEqual([
      ["Grad-CAM 25.0 %", "RISE 25.0 %"],
      ["Grad-CAM 50.0 %", "RISE 50.0 %"],
    ]);
  });

  it("leaves the axis of differences of probabilities to their values, which may be negative", () => {
    const [chart] = curveCharts([{ title: "Grad-CAM", evaluation }], true);
    expect(chart?.panels[0]).not.toHaveProperty("range");
    expect(chart?.panels[0]?.title).toContain("difference");
  });
});

describe("drawExplanations", () => {
  it("puts the curves beside the heatmap", () => {
    const size = { width: 32, height: 32 };
    const photograph = { ...size, data: new Uint8ClampedArray(32 * 32 * 4).fill(255) };
    const placement = { ...size, region: { left: 0, top: 0, ...size } };
    const explanation = {
      map: { width: 4, height: 4, values: Float32Array.from({ length: 16 }, (_, index) => index) },
      record: {
        method: "grad-cam",
        params: {},
        target: { index: 0 },
        score: { logit: 1, probability: 0.5 },
        shape: [2, 2],
        seed: 0,
        counts: { forward: 0, gradient: 1 },
        elapsedMs: 1,
      },
      method: { title: "Grad-CAM", family: "activation" as const },
    };
    const plain = drawExplanations({ photograph, placement }, [explanation]);
    const measured = drawExplanations({ photograph, placement }, [{ ...explanation, evaluation }]);
    expect(measured.width).toBeGreaterThan(1.3 * plain.width);
    const blues = ({ data }: { data: Uint8ClampedArray }) =>
      Array.from({ length: data.length / 4 }).filter(
        (_, pixel) => data[4 * pixel] === 0 && data[4 * pixel + 1] === 114 && data[4 * pixel + 2] === 178,
      ).length;
    expect(blues(plain)).toBe(0);
    expect(blues(measured)).toBeGreaterThan(50);
  });
});
