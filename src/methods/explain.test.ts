import { describe, expect, it } from "vitest";
import { z } from "zod";
import { analyticModel } from "../../tests/support/analytic-model.ts";
import { AbortedError } from "../errors.ts";
import { tensor } from "../tensor/tensor.ts";
import { defineMethod, type MethodProgress } from "./define-method.ts";
import { explain } from "./explain.ts";
import { findMethod, methods } from "./index.ts";

const weights = [
  [1, 2, 3, 4],
  [4, -3, 2, 1],
];
const model = analyticModel({
  height: 2,
  width: 2,
  labels: ["first", "second"],
  logits: (x) => weights.map((row) => row.reduce((sum, weight, index) => sum + weight * x[index]!, 0)),
  gradient: (_, cotangent) =>
    [0, 1, 2, 3].map((pixel) => cotangent.reduce((sum, c, row) => sum + c * weights[row]![pixel]!, 0)),
});
const input = tensor([1, 0, 0, 0], [1, 1, 2, 2]);

describe("explain", () => {
  it("explains the predicted class by default and records how", async () => {
    const { map, record } = await explain({ model, input, method: "gradient" });
    expect([...map.values]).toEqual([4, 3, 2, 1]);
    expect(record).toMatchObject({
      method: "gradient",
      params: { score: "logit", reduce: "max-abs" },
      target: { index: 1, label: "second" },
      score: { logit: 4 },
      seed: 0,
      counts: { forward: 0, gradient: 1 },
    });
    expect(record.score.probability).toBeCloseTo(1 / (1 + Math.exp(-3)), 6);
  });

  it("explains the difference of two classes", async () => {
    const { map, record } = await explain({
      model,
      input,
      method: "gradient",
      target: "second:vs:first",
      params: { reduce: "sum" },
    });
    expect([...map.values]).toEqual([3, -5, -1, -3]);
    expect(record.target).toEqual({ index: 1, label: "second", minus: { index: 0, label: "first" } });
    expect(record.score.logit).toBe(3);
  });

  it("leaves the input alone", async () => {
    const copy = tensor(input.data.slice(), input.dims);
    await explain({ model, input: copy, method: "smooth-grad", params: { samples: 3 } });
    expect([...copy.data]).toEqual([...input.data]);
  });

  it("gives the same map for a seed, another for another seed or image", async () => {
    const values = async (seed: number, imageKey?: string) =>
      (await explain({ model, input, method: noise, seed, ...(imageKey !== undefined && { imageKey }) })).map
        .values[0];
    expect(await values(1)).toBe(await values(1));
    expect(await values(1)).not.toBe(await values(2));
    expect(await values(1, "a.jpg")).not.toBe(await values(1, "b.jpg"));
  });

  it.each([
    [{ method: "grad-camm" }, /no method named 'grad-camm'\. Nearest: grad-cam,/],
    [{ method: "gradient", target: 7 }, /index from 0 to 1, got 7/],
    [{ method: "gradient", target: { index: 0, minus: 0 } }, /two classes to compare/],
    [{ method: "gradient", params: { redcue: "sum" } }, /Did you mean reduce\?/],
    [
      { method: "gradient", input: tensor([1, 2], [1, 1, 2, 1]) },
      /input: expected \[1, 1, 2, 2\], got \[1, 1, 2, 1\]/,
    ],
  ])("refuses %j", async (request, message) => {
    await expect(explain({ model, input, ...request })).rejects.toThrow(message);
  });

  it("marks what a budget ended early", async () => {
    const params = { samples: 20 };
    const { record } = await explain({
      model,
      input,
      method: "smooth-grad",
      params,
      budget: { evaluations: 8 },
    });
    expect(record.unfinished).toEqual({ done: 8, total: 20 });
    expect(record.counts.gradient).toBe(8);
    const whole = await explain({ model, input, method: "smooth-grad", params, budget: { evaluations: 20 } });
    expect(whole.record.unfinished).toBeUndefined();
  });

  it("stops at once when aborted beforehand", async () => {
    await expect(explain({ model, input, method: "gradient", signal: AbortSignal.abort() })).rejects.toThrow(
      AbortedError,
    );
  });

  it("passes progress on", async () => {
    const seen: MethodProgress[] = [];
    await explain({
      model,
      input,
      method: "smooth-grad",
      params: { samples: 6 },
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen.map(({ done, total }) => [done, total])).toEqual([
      [4, 6],
      [6, 6],
    ]);
    expect(seen[0]?.map?.().values).toHaveLength(4);
  });

  it("flags a map that is not finite", async () => {
    const { map, record } = await explain({ model, input, method: broken });
    expect(map.degenerate?.code).toBe("non-finite");
    expect(record.degenerate?.message).toMatch(/at pixel 1, 0/);
  });
});

const own = {
  title: "Own",
  family: "gradient",
  needs: "forward",
  paper: { authors: "", year: 2024, url: "" },
  summary: "",
  params: z.strictObject({}),
  cost: () => ({ f: 0, fb: 0 }),
} as const;
const noise = defineMethod({
  ...own,
  name: "noise",
  explain: ({ random }) =>
    Promise.resolve({ width: 2, height: 2, values: Float32Array.of(random("x").uniform(), 0, 0, 0) }),
});
const broken = defineMethod({
  ...own,
  name: "broken",
  explain: () => Promise.resolve({ width: 2, height: 2, values: Float32Array.of(0, NaN, 0, 0) }),
});

describe("the table of methods", () => {
  it("has unique kebab-case ids, and a description for every parameter", () => {
    const ids = methods.map((method) => method.name);
    expect(new Set(ids).size).toBe(ids.length);
    for (const method of methods) {
      const undescribed = Object.entries(method.params.shape).filter(
        ([, schema]) => !(schema as z.ZodType).description,
      );
      expect(undescribed).toEqual([]);
      expect(method.name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(findMethod(method.name)).toBe(method);
    }
  });
});
