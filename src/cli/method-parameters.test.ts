import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ParameterError } from "../errors.ts";
import { assignParameters } from "./method-parameters.ts";

const smooth = {
  name: "smooth",
  params: z.strictObject({ samples: z.int().default(25), noise: z.number().default(0.1) }),
};
const mask = {
  name: "mask",
  params: z.strictObject({ samples: z.int().default(100), fill: z.string().default("blur") }),
};

describe("assignParameters", () => {
  it("gives a parameter to every method that has it", () => {
    const assigned = assignParameters(["samples=8", "fill=black"], [smooth, mask]);
    expect([assigned.get("smooth"), assigned.get("mask")]).toEqual([
      { samples: "8" },
      { samples: "8", fill: "black" },
    ]);
  });

  it("gives METHOD.key to that method only, and the last value wins", () => {
    const assigned = assignParameters(["samples=8", "mask.samples=9"], [smooth, mask]);
    expect([assigned.get("smooth"), assigned.get("mask")]).toEqual([{ samples: "8" }, { samples: "9" }]);
  });

  it("keeps = signs of the value", () => {
    expect(assignParameters(["fill=a=b"], [mask]).get("mask")).toEqual({ fill: "a=b" });
  });

  it("says what parameters there are when it does not know one", () => {
    expect(() => assignParameters(["sample=8"], [smooth])).toThrow(
      "-p: expected a parameter of the chosen methods, got 'sample'. Did you mean samples? There are: smooth: samples, noise.",
    );
    expect(() => assignParameters(["samples"], [smooth])).toThrow(ParameterError);
  });
});
