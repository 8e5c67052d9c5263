import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ParameterError } from "../errors.ts";
import { describeParams, parseParams, parseTextParams } from "./parameters.ts";

const method = {
  name: "demo",
  params: z.strictObject({
    steps: z.int().min(1).max(500).default(50).describe("points on the path"),
    rule: z.enum(["left", "right"]).default("left").describe("where"),
    share: z.number().min(0).max(1).default(0.5).describe("how much"),
    isCentred: z.boolean().default(false).describe("whether"),
    scales: z.array(z.int().min(1)).default([50, 100]).describe("sizes"),
    layer: z
      .union([z.string(), z.array(z.string())])
      .optional()
      .describe("which"),
  }),
};

describe("parseParams", () => {
  it("fills in the defaults", () => {
    expect(parseParams(method, { steps: undefined })).toEqual({
      steps: 50,
      rule: "left",
      share: 0.5,
      isCentred: false,
      scales: [50, 100],
    });
  });

  it.each([
    [{ steps: 0 }, "steps: expected an integer from 1 to 500, got 0."],
    [{ steps: 1.5 }, "steps: expected an integer from 1 to 500, got 1.5."],
    [{ rule: "middle" }, 'rule: expected one of left, right, got "middle".'],
    [{ share: 2 }, "share: expected a number from 0 to 1, got 2."],
    [{ scales: [0] }, "scales: expected a list (an integer of at least 1, separated by commas), got [0]."],
    [{ isCentred: "maybe" }, 'isCentred: expected true or false, got "maybe".'],
  ])("refuses %j and says what it wants", (params, message) => {
    expect(() => parseParams(method, params)).toThrow(new ParameterError(message));
  });

  it("suggests the parameter that was meant", () => {
    expect(() => parseParams(method, { stepz: 5 })).toThrow(
      "stepz: expected a parameter of method demo, got 'stepz'. Did you mean steps? There are: steps, rule, share, isCentred, scales, layer.",
    );
  });
});

describe("parseTextParams", () => {
  it("reads numbers, truth values, lists and texts", () => {
    expect(
      parseTextParams(method, { steps: "7", share: "0.25", isCentred: "yes", scales: "1,2,3", layer: "a/b" }),
    ).toEqual({
      steps: 7,
      rule: "left",
      share: 0.25,
      isCentred: true,
      scales: [1, 2, 3],
      layer: "a/b",
    });
  });

  it("makes a list of one or of several names only where there is a comma", () => {
    expect(parseTextParams(method, { layer: "a,b" }).layer).toEqual(["a", "b"]);
    expect(parseTextParams(method, { scales: "5" }).scales).toEqual([5]);
  });

  it("shows the text that is no number", () => {
    expect(() => parseTextParams(method, { steps: "many" })).toThrow(
      'steps: expected an integer from 1 to 500, got "many".',
    );
    expect(() => parseTextParams(method, { steps: "" })).toThrow("steps: expected an integer from 1 to 500");
  });
});

describe("describeParams", () => {
  it("lists names, ranges, defaults and meanings in order", () => {
    expect(describeParams(method)[0]).toEqual({
      name: "steps",
      accepts: "an integer from 1 to 500",
      default: 50,
      description: "points on the path",
    });
    expect(describeParams(method).map((parameter) => parameter.accepts)).toEqual([
      "an integer from 1 to 500",
      "one of left, right",
      "a number from 0 to 1",
      "true or false",
      "a list (an integer of at least 1, separated by commas)",
      "a text or a list (a text, separated by commas)",
    ]);
  });
});
