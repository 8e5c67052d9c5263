import { describe, expect, it } from "vitest";
import { degenerateCam } from "./degenerate-cam.ts";

describe("degenerateCam", () => {
  const facts = {
    activations: Float32Array.of(1, 2),
    gradients: Float32Array.of(0, 0),
    map: Float64Array.of(0, 0),
  };

  it("says where only a class token goes on to the score", () => {
    const layer = { name: "norm", prefixTokens: 1 };
    expect(degenerateCam({ ...facts, layer })?.message).toBe(
      "No place of layer 'norm' changes the score: what goes on from there is a class token. Choose an earlier layer, before an attention.",
    );
    expect(degenerateCam({ ...facts, layer: { name: "norm" } })?.message).toContain("are dead");
    expect(degenerateCam({ ...facts, layer, score: "probability" })?.code).toBe("saturated-score");
  });
});
