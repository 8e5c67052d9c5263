import { describe, expect, it } from "vitest";
import { analyticModel } from "../../../tests/support/analytic-model.ts";
import { methodContext } from "../../../tests/support/method-context.ts";
import { tensor } from "../../tensor/tensor.ts";
import { gradient } from "./gradient.ts";
import { inputXGradient } from "./input-x-gradient.ts";

const weights = [1, -2, 3, 0, 0.5, -4];
/** Logit 0 is w . x, logit 1 is 0; three channels of two pixels. */
const linear = analyticModel({
  channels: 3,
  height: 1,
  width: 2,
  logits: (x) => [weights.reduce((sum, weight, index) => sum + weight * x[index]!, 0), 0],
  gradient: (_, [cotangent = 0]) => weights.map((weight) => weight * cotangent),
});
const input = tensor([1, 2, 3, 4, 5, 6], [1, 3, 1, 2]);

describe("gradient", () => {
  it("is the weights of a linear network, whatever the image", async () => {
    const map = await gradient.explain(methodContext(gradient, linear, input));
    expect([...map.attribution!.data]).toEqual(weights);
    expect([...map.values]).toEqual([3, 4]);
  });

  it("of a contrast is the difference of the gradients", async () => {
    const map = await gradient.explain(
      methodContext(gradient, linear, input, { target: { index: 1, minus: 0 } }),
    );
    expect([...map.attribution!.data]).toEqual(weights.map((weight) => -weight));
  });

  it("of a probability carries the factor p (1 - p)", async () => {
    const half = tensor(new Float32Array(6), [1, 3, 1, 2]);
    const map = await gradient.explain(
      methodContext(gradient, linear, half, { params: { score: "probability" } }),
    );
    map.attribution!.data.forEach((value, index) => expect(value).toBeCloseTo(weights[index]! / 4, 6));
  });

  it("says so when the score does not depend on the image", async () => {
    const map = await gradient.explain(methodContext(gradient, linear, input, { target: { index: 1 } }));
    expect(map.degenerate?.code).toBe("zero-gradient");
  });

  it("says so when the probability is saturated", async () => {
    const params = { score: "probability" } as const;
    const far = tensor([100, -100, 100, 0, 0, -100], [1, 3, 1, 2]);
    const map = await gradient.explain(methodContext(gradient, linear, far, { params }));
    expect(map.degenerate?.code).toBe("saturated-score");
  });
});

describe("input x gradient", () => {
  it("sums to the logit of a network without biases", async () => {
    const map = await inputXGradient.explain(methodContext(inputXGradient, linear, input));
    expect(map.values.reduce((a, b) => a + b)).toBeCloseTo(1 - 4 + 9 + 0 + 2.5 - 24, 5);
    expect(map.isSigned).toBe(true);
  });
});
