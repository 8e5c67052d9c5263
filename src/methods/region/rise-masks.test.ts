import { describe, expect, it } from "vitest";
import { mersenneStream, randomStream } from "../../random/random-stream.ts";
import { addMask, riseMasks } from "./rise-masks.ts";

const geometry = { gridSize: 7, height: 56, width: 60, border: "reflect-101", keep: 0.5 } as const;

function maskOf(of: Parameters<typeof riseMasks>[0], seed: number): Float64Array {
  const mask = new Float64Array(of.height * of.width);
  addMask(mask, riseMasks(of)(mersenneStream(seed)), 1, of);
  return mask;
}

describe("riseMasks", () => {
  it("makes masks between 0 and 1", () => {
    for (let seed = 0; seed < 20; seed++) {
      const mask = maskOf(geometry, seed);
      expect(Math.min(...mask)).toBeGreaterThanOrEqual(-1e-6);
      expect(Math.max(...mask)).toBeLessThanOrEqual(1 + 1e-6);
    }
  });

  it("shows everything with keep 1", () => {
    for (const value of maskOf({ ...geometry, keep: 1 }, 1)) expect(value).toBeCloseTo(1, 5);
  });

  it("shows each pixel with the probability keep", () => {
    const draw = riseMasks({ ...geometry, keep: 0.3 });
    const sum = new Float64Array(geometry.height * geometry.width);
    const count = 3000;
    for (let index = 0; index < count; index++)
      addMask(sum, draw(randomStream(0, "mask", index)), 1, geometry);
    const mean = sum.reduce((a, b) => a + b) / sum.length / count;
    // A mask's mean has a variance below keep (1 - keep) / 49 cells, somewhat enlarged at the border.
    expect(Math.abs(mean - 0.3)).toBeLessThan(3 * Math.sqrt(0.21 / 30 / count));
    for (const value of sum) expect(Math.abs(value / count - 0.3)).toBeLessThan(6 * Math.sqrt(0.21 / count));
  });

  it("has cells of cell (s + 1) / s pixels", () => {
    // One cell of two: at 2 cells over 3 x 8 = 24 pixels each is 12 wide.
    const small = { gridSize: 2, height: 16, width: 16, border: "edge", keep: 0.5 } as const;
    const { rows } = riseMasks(small)(mersenneStream(0));
    const step = rows[2 * 2 + 1]! - rows[2 * 1 + 1]!;
    expect(
      Math.max(...[...rows.keys()].filter((i) => i % 2 === 1 && i > 2).map((i) => rows[i]! - rows[i - 2]!)),
    ).toBeCloseTo(1 / 12, 5);
    expect(step).toBeGreaterThanOrEqual(0);
  });

  it("mirrors beyond the outer samples, or repeats them", () => {
    // The first output lies 0.5 / 8 * 2 / 3 - ... left of sample 0; mirrored, it takes the missing share from sample 1.
    const offsetFree = { uniform: () => 0, normal: () => 0, integer: () => 0 };
    const of = (border: "reflect-101" | "edge") =>
      riseMasks({ gridSize: 3, height: 9, width: 9, border, keep: 1 })(offsetFree).rows;
    const position = 0.5 * (3 / 12) - 0.5;
    expect([...of("reflect-101").subarray(0, 3)]).toEqual([
      expect.closeTo(1 + position, 6),
      expect.closeTo(-position, 6),
      0,
    ]);
    expect([...of("edge").subarray(0, 3)]).toEqual([1, 0, 0]);
  });
});
