import { describe, expect, it } from "vitest";
import { nonDifferentiableOps } from "../non-differentiable.ts";
import { vjpFamilies, vjps } from "./index.ts";

describe("the table of gradient rules", () => {
  it("has no operator in two families", () => {
    const names = vjpFamilies.flatMap((family) => Object.keys(family));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
  it("has no operator that is known to be without a gradient", () => {
    expect(Object.keys(vjps).filter((name) => nonDifferentiableOps.has(name))).toEqual([]);
  });
});
