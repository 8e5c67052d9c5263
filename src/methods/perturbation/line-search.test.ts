import { describe, expect, it } from "vitest";
import { iGosLineSearch, searchLine, stepSequence, type Evaluated } from "./line-search.ts";

/** Searches along f from a point, counting the batches. */
async function search(
  f: (values: Float64Array) => number,
  start: readonly number[],
  gradient: readonly number[],
  settings = iGosLineSearch,
) {
  let batches = 0;
  const values = Float64Array.from(start);
  const result = await searchLine(
    { values, objective: f(values), facts: undefined },
    Float64Array.from(gradient),
    settings,
    async (candidates): Promise<Evaluated<undefined>[]> => {
      batches++;
      return candidates.map((candidate) => ({
        values: candidate,
        objective: f(candidate),
        facts: undefined,
      }));
    },
  );
  return { ...result, batches };
}

describe("searchLine", () => {
  it("tries twelve steps from 200 down to 4.096e-6", () => {
    const steps = stepSequence(iGosLineSearch);
    expect(steps).toHaveLength(12);
    expect(steps[0]).toBe(200);
    expect(steps.at(-1)).toBeCloseTo(4.096e-6, 12);
    expect(steps.at(-2)).toBeGreaterThan(1e-5);
  });

  it("takes the first step that decreases enough", async () => {
    // f = (x - 0.4)^2 from 0.5 with slope 0.2: 200, 40 and 8 end at 0, 1.6 at 0.18, 0.32 at 0.436.
    const result = await search((values) => (values[0]! - 0.4) ** 2, [0.5], [0.2]);
    expect(result).toMatchObject({ evaluations: 5, isAccepted: true });
    expect(result.step).toBeCloseTo(0.32, 12);
    expect(result.values[0]).toBeCloseTo(0.436, 12);
  });

  it("ends at the smallest step, refused, where nothing decreases", async () => {
    const result = await search((values) => -values[0]!, [0.5], [1]);
    expect(result).toMatchObject({ evaluations: 12, isAccepted: false });
    expect(result.values[0]).toBeCloseTo(0.5 - 4.096e-6, 12);
  });

  it("gives the same result whatever the number of candidates in a run", async () => {
    const f = (values: Float64Array): number => (values[0]! - 0.4) ** 2 + values[1]!;
    const one = await search(f, [0.5, 1], [0.2, 1]);
    for (const candidates of [2, 5, 12, 40]) {
      const many = await search(f, [0.5, 1], [0.2, 1], { ...iGosLineSearch, candidates });
      expect({ ...many, batches: 0 }).toEqual({ ...one, batches: 0 });
    }
    expect((await search(f, [0.5, 1], [0.2, 1], { ...iGosLineSearch, candidates: 12 })).batches).toBe(1);
  });

  it("refuses a step whose objective is not a number", async () => {
    const result = await search((values) => (values[0] === 0 ? NaN : values[0]!), [0.5], [1]);
    expect(result.values[0]).toBeGreaterThan(0);
    expect(result.isAccepted).toBe(true);
  });

  it("accepts with the projected rule what blocked cells make the raw rule refuse", async () => {
    // The second cell is at its bound and its large slope counts only in the raw sum.
    const f = (values: Float64Array): number => values[0]! + values[1]!;
    const gradient = [1e-4, 300];
    const raw = await search(f, [0.5, 0], gradient);
    const projected = await search(f, [0.5, 0], gradient, { ...iGosLineSearch, rule: "projected" });
    expect(raw.isAccepted).toBe(false);
    expect(projected).toMatchObject({ isAccepted: true, evaluations: 1 });
  });

  it("stays where the gradient is zero, at the cost of one evaluation", async () => {
    const result = await search(() => 1, [1, 1], [0, 0]);
    expect(result).toMatchObject({ evaluations: 1, isAccepted: true, objective: 1 });
    expect([...result.values]).toEqual([1, 1]);
  });
});
