import { describe, expect, it } from "vitest";
import { analyticModel } from "../../../tests/support/analytic-model.ts";
import { methodContext } from "../../../tests/support/method-context.ts";
import { AbortedError } from "../../errors.ts";
import { tensor } from "../../tensor/tensor.ts";
import { runningMoments } from "./running-moments.ts";
import { smoothGrad, smoothGradSquared, varGrad } from "./smooth-grad.ts";

const weights = [1, -2, 3, 0.5];
const linear = analyticModel({
  height: 2,
  width: 2,
  logits: (x) => [weights.reduce((sum, weight, index) => sum + weight * x[index]!, 0)],
  gradient: (_, [cotangent = 0]) => weights.map((weight) => weight * cotangent),
});
const q = [
  [2, 1, 0, 0],
  [1, 3, 0, -1],
  [0, 0, 1, 0],
  [0, -1, 0, 4],
];
/** z = x^T Q x / 2, gradient Q x. */
const quadratic = (batchSize: number) =>
  analyticModel({
    height: 2,
    width: 2,
    batchSize,
    logits: (x) => [
      q.reduce(
        (sum, row, i) => sum + (x[i]! * row.reduce((inner, value, j) => inner + value * x[j]!, 0)) / 2,
        0,
      ),
    ],
    gradient: (x, [cotangent = 0]) =>
      q.map((row) => cotangent * row.reduce((sum, value, j) => sum + value * x[j]!, 0)),
  });
const input = tensor([0, 1, 0.5, -1], [1, 1, 2, 2]);

describe("on a linear network", () => {
  it("SmoothGrad is the weights", async () => {
    const map = await smoothGrad.explain(
      methodContext(smoothGrad, linear, input, { params: { reduce: "sum" } }),
    );
    map.values.forEach((value, index) => expect(value).toBeCloseTo(weights[index]!, 6));
  });
  it("SmoothGrad squared is the squared weights", async () => {
    const map = await smoothGradSquared.explain(methodContext(smoothGradSquared, linear, input));
    map.values.forEach((value, index) => expect(value).toBeCloseTo(weights[index]! ** 2, 6));
  });
  it("VarGrad is zero", async () => {
    const map = await varGrad.explain(methodContext(varGrad, linear, input));
    expect([...map.values].every((value) => value < 1e-12)).toBe(true);
  });
});

describe("VarGrad on a quadratic", () => {
  it("is close to sigma^2 sum_j Q_ij^2", async () => {
    const map = await varGrad.explain(
      methodContext(varGrad, quadratic(64), input, { params: { samples: 4000 } }),
    );
    const sigma = 0.15 * 2;
    map.values.forEach((value, index) => {
      const expected = sigma ** 2 * q[index]!.reduce((sum, entry) => sum + entry * entry, 0);
      // The relative standard error of a variance of n normals is sqrt(2 / n): 0.022 here.
      expect(Math.abs(value / expected - 1)).toBeLessThan(0.09);
    });
  });
  it("of the population divides by the count", async () => {
    const params = { samples: 5 };
    const sample = await varGrad.explain(methodContext(varGrad, quadratic(2), input, { params }));
    const population = await varGrad.explain(
      methodContext(varGrad, quadratic(2), input, { params: { ...params, divisor: "population" } }),
    );
    expect(population.values[0]! / sample.values[0]!).toBeCloseTo(0.8, 5);
  });
  it("needs two samples", () => {
    expect(varGrad.params.safeParse({ samples: 1 }).success).toBe(false);
  });
});

describe("sampling", () => {
  it("gives the same numbers for batches of 1, 7 and 64", async () => {
    const maps = await Promise.all(
      [1, 7, 64].map(
        async (size) => (await smoothGrad.explain(methodContext(smoothGrad, quadratic(size), input))).values,
      ),
    );
    expect(maps[1]).toEqual(maps[0]);
    expect(maps[2]).toEqual(maps[0]);
  });
  it("differs for another seed", async () => {
    const [a, b] = await Promise.all(
      [0, 1].map((seed) => smoothGrad.explain(methodContext(smoothGrad, quadratic(4), input, { seed }))),
    );
    expect(a!.values).not.toEqual(b!.values);
  });
  it("finishes with what it has when a budget is spent", async () => {
    const stop = new AbortController();
    const map = await smoothGrad.explain(
      methodContext(smoothGrad, linear, input, { stop: stop.signal, report: () => stop.abort() }),
    );
    expect(map.details?.["samples"]).toBe(4);
  });
  it("stops when aborted", async () => {
    const abort = new AbortController();
    const run = smoothGrad.explain(
      methodContext(smoothGrad, linear, input, { signal: abort.signal, report: () => abort.abort() }),
    );
    await expect(run).rejects.toThrow(AbortedError);
  });
});

describe("runningMoments", () => {
  it("equals the two-pass formulas", () => {
    const moments = runningMoments(1);
    const values = [1000.5, 1000.25, 999, 1001];
    for (const value of values) moments.add(Float32Array.of(value));
    const mean = values.reduce((a, b) => a + b) / 4;
    expect(moments.mean()[0]).toBeCloseTo(mean, 10);
    expect(moments.meanOfSquares()[0]).toBeCloseTo(
      values.reduce((sum, value) => sum + value * value, 0) / 4,
      6,
    );
    expect(moments.variance("sample")[0]).toBeCloseTo(
      values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 3,
      10,
    );
  });
});
