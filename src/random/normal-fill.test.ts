import { describe, expect, it } from "vitest";
import { fillNormals } from "./normal-fill.ts";
import { mersenneStream } from "./random-stream.ts";

function draw(count: number, seed: number, deviation = 1): Float32Array {
  const values = new Float32Array(count);
  fillNormals(values, mersenneStream(seed), deviation);
  return values;
}

describe("fillNormals", () => {
  it("has the moments of a standard normal distribution", () => {
    const values = draw(1_000_000, 3);
    const moment = (power: number): number =>
      values.reduce((sum, value) => sum + value ** power, 0) / values.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.004);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.006);
    expect(Math.abs(moment(3))).toBeLessThan(0.016);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.04);
    expect(Math.abs(moment(6) - 15)).toBeLessThan(0.5);
  });

  it("falls into the intervals of the normal distribution as often as it should, tail included", () => {
    const values = draw(4_000_000, 5);
    // Two-sided probabilities beyond 0.5, 1, 2, 3, the start of the tail, and 4.
    const expected: readonly (readonly [number, number])[] = [
      [0.5, 0.6170750774519738],
      [1, 0.31731050786291415],
      [2, 0.04550026389635842],
      [3, 0.0026997960632601866],
      [3.6541528853610088, 0.00025803],
      [4, 0.00006334248366623996],
    ];
    for (const [limit, probability] of expected) {
      const share =
        values.reduce((count, value) => count + (Math.abs(value) > limit ? 1 : 0), 0) / values.length;
      const standardError = Math.sqrt((probability * (1 - probability)) / values.length);
      expect(Math.abs(share - probability)).toBeLessThan(4 * standardError);
    }
  });

  it("does not correlate neighbours", () => {
    const values = draw(1_000_000, 7);
    let sum = 0;
    for (let index = 1; index < values.length; index++) sum += values[index]! * values[index - 1]!;
    expect(Math.abs(sum / values.length)).toBeLessThan(0.004);
  });

  it("gives the same numbers for the same stream and other numbers for another", () => {
    expect(draw(100, 1)).toEqual(draw(100, 1));
    expect(draw(100, 1)).not.toEqual(draw(100, 2));
  });

  it("scales with the deviation", () => {
    const unit = draw(10, 4);
    expect(draw(10, 4, 2)).toEqual(unit.map((value) => value * 2));
  });
});
