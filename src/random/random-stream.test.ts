import { describe, expect, it } from "vitest";
import { mersenneStream, randomStream, type RandomStream } from "./random-stream.ts";

const draws = (stream: RandomStream, kind: "uniform" | "normal", count: number): number[] =>
  Array.from({ length: count }, () => stream[kind]());

describe("mersenneStream", () => {
  it("gives NumPy's uniforms", () => {
    expect(mersenneStream(42).uniform()).toBe(0.3745401188473625);
    // As NumPy prints them.
    expect(draws(mersenneStream(42), "uniform", 5)).toEqual(
      [0.37454012, 0.95071431, 0.73199394, 0.59865848, 0.15601864].map(
        (value) => expect.closeTo(value, 7) as unknown,
      ),
    );
    expect(draws(mersenneStream(0), "uniform", 2)).toEqual([0.5488135039273248, 0.7151893663724195]);
  });

  it("gives NumPy's normals", () => {
    expect(draws(mersenneStream(42), "normal", 4)).toEqual(
      [0.4967141530112327, -0.13826430117118466, 0.6476885381006925, 1.5230298564080254].map(
        (value) => expect.closeTo(value, 14) as unknown,
      ),
    );
  });

  it("gives integers below the bound, all of them", () => {
    const stream = mersenneStream(7);
    const seen = new Set(Array.from({ length: 300 }, () => stream.integer(6)));
    expect([...seen].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("has normals of mean 0 and variance 1", () => {
    const values = draws(mersenneStream(3), "normal", 40_000);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    // Four standard errors.
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(values.length));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / values.length));
  });
});

describe("randomStream", () => {
  const first = (...keys: readonly (string | number)[]): number => randomStream(0, ...keys).uniform();

  it("gives the same numbers for the same keys", () => {
    expect(first("rise", 5)).toBe(first("rise", 5));
  });

  it("differs for another seed, key, order or split of the keys", () => {
    const values = [
      randomStream(1, "ab", "c").uniform(),
      first("ab", "c"),
      first("a", "bc"),
      first("c", "ab"),
      first("abc"),
      first("ab", "d"),
    ];
    expect(new Set(values).size).toBe(values.length);
  });

  it("gives streams of neighbouring keys that do not resemble each other", () => {
    const values = Array.from({ length: 4000 }, (_, index) => first("mask", index));
    const mean = values.reduce((a, b) => a + b) / values.length;
    const lag =
      values.slice(1).reduce((sum, value, index) => sum + (value - mean) * (values[index]! - mean), 0) /
      values.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / values.length));
    expect(Math.abs(lag * 12)).toBeLessThan(4 / Math.sqrt(values.length));
  });

  it("has no two equal first draws among thousands of keys", () => {
    const values = Array.from({ length: 8000 }, (_, index) => first("rise", index));
    expect(new Set(values).size).toBe(values.length);
  });
});
