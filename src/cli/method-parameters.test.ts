import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ParameterError } from "../errors.ts";
import { defineMethod } from "../methods/define-method.ts";
import { assignParameters, describeParameters } from "./method-parameters.ts";

function method(name: string, params: z.ZodObject) {
  return defineMethod({
    name,
    title: name,
    family: "gradient",
    needs: "gradients",
    summary: "",
    paper: { authors: "", year: 2000, url: "" },
    params,
    cost: () => ({ f: 0, fb: 1 }),
    explain: () => Promise.reject(new Error("not run")),
  });
}
const smooth = method(
  "smooth",
  z.strictObject({
    samples: z.int().min(1).default(25).describe("how many"),
    noise: z.number().default(0.1),
  }),
);
const mask = method(
  "mask",
  z.strictObject({
    samples: z.int().default(100),
    fill: z.enum(["black", "blur"]).default("blur"),
    isFast: z.boolean().default(false),
  }),
);

describe("describeParameters", () => {
  it("names type, range, default and meaning", () => {
    expect(describeParameters(smooth)[0]).toEqual({
      name: "samples",
      type: "integer >= 1",
      default: 25,
      description: "how many",
    });
    expect(describeParameters(mask)[1]).toMatchObject({
      name: "fill",
      type: "black | blur",
      default: "blur",
    });
  });
});

describe("assignParameters", () => {
  it("gives a parameter to every method that has it, as the type it wants", () => {
    const assigned = assignParameters(["samples=8", "fill=black", "isFast=true"], [smooth, mask]);
    expect(assigned.get("smooth")).toEqual({ samples: 8 });
    expect(assigned.get("mask")).toEqual({ samples: 8, fill: "black", isFast: true });
  });

  it("gives METHOD.key to that method only", () => {
    const assigned = assignParameters(["mask.samples=8"], [smooth, mask]);
    expect([assigned.get("smooth"), assigned.get("mask")]).toEqual([{}, { samples: 8 }]);
  });

  it("keeps = signs of the value", () => {
    const text = method("text", z.strictObject({ layer: z.string().default("") }));
    expect(assignParameters(["layer=a=b"], [text]).get("text")).toEqual({ layer: "a=b" });
  });

  it("says what parameters there are when it does not know one", () => {
    expect(() => assignParameters(["sample=8"], [smooth])).toThrow(
      /no method chosen has a parameter 'sample'. There are smooth: samples, noise/,
    );
    expect(() => assignParameters(["samples"], [smooth])).toThrow(ParameterError);
  });
});
