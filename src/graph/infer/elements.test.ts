import { describe, expect, it } from "vitest";
import type { Attribute } from "../graph.ts";
import type { KnownValue } from "../infer-node.ts";
import { inferNode } from "./index.ts";

const int = (value: number): Attribute => ({ kind: "int", value });
const vector = (
  type: KnownValue["type"],
  value: readonly number[],
  dims: readonly number[] = [value.length],
): KnownValue => ({
  type,
  dims,
  value,
});
const ints = (...value: readonly number[]) => vector("int64", value);
const floats = (...value: readonly number[]) => vector("float32", value);

function elements(
  opType: string,
  inputs: readonly (KnownValue | undefined)[],
  attributes: Readonly<Record<string, Attribute>> = {},
): readonly number[] | undefined {
  const node = { name: "n", opType, domain: "", inputs: [], outputs: ["y"], attributes };
  return inferNode(node, inputs, 17)[0]?.value;
}

describe("inferNode: elements of small constants", () => {
  it("divides integers towards zero and leaves a division by zero unknown", () => {
    expect(elements("Div", [ints(7, -7), ints(2)])).toEqual([3, -3]);
    expect(elements("Div", [ints(7), ints(0)])).toBeUndefined();
  });
  it("takes the remainder with the sign of the divisor, or of the dividend with fmod", () => {
    expect(elements("Mod", [ints(-7, 7), ints(3, -3)])).toEqual([2, -2]);
    expect(elements("Mod", [ints(-7, 7), ints(3, -3)], { fmod: int(1) })).toEqual([-1, 1]);
  });
  it("rounds float32 results to float32", () => {
    expect(elements("Add", [floats(Math.fround(0.1)), floats(Math.fround(0.2))])).toEqual([
      Math.fround(Math.fround(0.1) + Math.fround(0.2)),
    ]);
    expect(elements("Round", [floats(0.5, 1.5, 2.5, -1.5)])).toEqual([0, 2, 2, -2]);
  });
  it("rounds half precision to 11 bits, ties to even", () => {
    expect(elements("Cast", [floats(2049, 2051, 1e6)], { to: int(10) })).toEqual([2048, 2052, Infinity]);
  });
  it("casts floats to integers by dropping the fraction", () => {
    expect(elements("Cast", [floats(2.9, -2.9)], { to: int(7) })).toEqual([2, -2]);
    expect(elements("Cast", [floats(300)], { to: int(2) })).toBeUndefined();
  });
  it("keeps INT64_MAX through Concat, Cast and Where", () => {
    const last = ints(2 ** 63);
    expect(elements("Concat", [ints(1), last], { axis: int(0) })).toEqual([1, 2 ** 63]);
    expect(elements("Where", [vector("bool", [1]), last, ints(0)])).toEqual([2 ** 63]);
  });
  it("follows the shape code of an exporter", () => {
    expect(elements("Shape", [{ type: "float32", dims: [2, 3, 4] }])).toEqual([2, 3, 4]);
    expect(
      elements("Shape", [{ type: "float32", dims: [2, 3, 4] }], { start: int(-2), end: int(2) }),
    ).toEqual([3]);
    expect(elements("Gather", [ints(5, 6, 7), vector("int64", [-1], [])])).toEqual([7]);
    expect(elements("Slice", [ints(1, 2, 3, 4), ints(3), ints(-5), ints(0), ints(-1)])).toEqual([4, 3, 2, 1]);
    expect(
      elements("Range", [vector("int64", [5], []), vector("int64", [0], []), vector("int64", [-2], [])]),
    ).toEqual([5, 3, 1]);
    expect(elements("ReduceProd", [ints(2, 3, 4)])).toEqual([24]);
  });
  it("moves elements", () => {
    const matrix = vector("int64", [1, 2, 3, 4, 5, 6], [2, 3]);
    expect(elements("Transpose", [matrix])).toEqual([1, 4, 2, 5, 3, 6]);
    expect(elements("Tile", [matrix, ints(1, 2)])).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]);
    expect(elements("Expand", [vector("int64", [1, 2], [2, 1]), ints(2, 2)])).toEqual([1, 1, 2, 2]);
    expect(elements("Pad", [ints(1, 2), ints(1, -1)])).toEqual([0, 1]);
    expect(elements("CumSum", [matrix, vector("int64", [1], [])])).toEqual([1, 3, 6, 4, 9, 15]);
    expect(elements("Trilu", [matrix], { upper: int(0) })).toEqual([1, 0, 0, 4, 5, 0]);
  });
  it("scatters", () => {
    const data = ints(0, 0, 0);
    expect(elements("ScatterND", [data, vector("int64", [2, 0], [2, 1]), ints(7, 8)])).toEqual([8, 0, 7]);
    const add: Attribute = { kind: "string", value: "add" };
    expect(elements("ScatterElements", [data, ints(1, 1), ints(7, 8)], { reduction: add })).toEqual([
      0, 15, 0,
    ]);
  });
  it("multiplies small matrices", () => {
    expect(elements("MatMul", [vector("float32", [1, 2, 3, 4], [2, 2]), floats(10, 1)])).toEqual([12, 34]);
  });
  it("does not know a result of which one part is not known", () => {
    expect(elements("Concat", [ints(1), { type: "int64", dims: [1] }], { axis: int(0) })).toBeUndefined();
    expect(elements("Add", [ints(1), { type: "int64", dims: [1] }])).toBeUndefined();
  });
});
