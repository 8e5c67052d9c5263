import { describe, expect, it } from "vitest";
import { linearModel, uniformImage } from "../../tests/linear-model.ts";
import { evaluateMap } from "./evaluate-map.ts";

describe("evaluateMap", () => {
  const model = linearModel({ height: 1, width: 4, weights: [[0.4, 0.1, 0.3, 0.2]] });
  const request = {
    model,
    input: uniformImage(model, 1),
    target: { index: 0 },
    map: { width: 4, height: 1, values: Float32Array.of(0.9, 0.2, 0.2, 0.5) },
  };

  it("gives scores and curves by metric, and shares forward passes between them", async () => {
    const params = { protocol: "groupcam", pixelsPerStep: 1, score: "logit" };
    const before = model.counts.forward;
    const results = await evaluateMap({
      ...request,
      metrics: [{ metric: "deletion", params }, { metric: "over-all", params }, "sparseness"],
    });
    expect(Object.keys(results)).toEqual(["deletion", "over-all", "sparseness"]);
    expect(results["deletion"]?.score).toBeCloseTo(0.45, 6);
    expect(results["deletion"]?.curve?.y).toHaveLength(5);
    // Three inner steps of each curve, and two ends for each of two substrates.
    expect(model.counts.forward - before).toBe(3 + 3 + 4);
  });

  it("refuses unknown metrics and parameters", async () => {
    await expect(evaluateMap({ ...request, metrics: ["delete"] })).rejects.toThrow(/deletion, insertion/);
    await expect(
      evaluateMap({ ...request, metrics: [{ metric: "deletion", params: { step: 3 } }] }),
    ).rejects.toThrow(/Did you mean steps/);
    await expect(evaluateMap({ ...request, metrics: ["pointing-game"] })).rejects.toThrow(/coco, mosaic/);
  });
});
