import { InvalidArgumentError } from "@commander-js/extra-typings";
import { describe, expect, it } from "vitest";
import { collect, collectList, integerOption, numberOption } from "./option-parsers.ts";

describe("integerOption", () => {
  it("takes whole numbers of the range and nothing else", () => {
    const parse = integerOption(1, 8);
    expect(["1", "8"].map(parse)).toEqual([1, 8]);
    for (const text of ["0", "9", "1.5", "", " ", "two"])
      expect(() => parse(text)).toThrow(InvalidArgumentError);
  });
});

describe("numberOption", () => {
  it("takes numbers of the range and nothing else", () => {
    const parse = numberOption(0, 1);
    expect(["0", "0.25", "1"].map(parse)).toEqual([0, 0.25, 1]);
    for (const text of ["-0.1", "1.1", "", "NaN"]) expect(() => parse(text)).toThrow(InvalidArgumentError);
  });
});

describe("collectList", () => {
  it("joins lists with commas and repeated options", () => {
    expect(collectList("c", collectList("a, b"))).toEqual(["a", "b", "c"]);
    expect(() => collectList("a,,b")).toThrow(InvalidArgumentError);
  });
});

describe("collect", () => {
  it("keeps commas, which values may hold", () => {
    expect(collect("scales=1,2", collect("a=b"))).toEqual(["a=b", "scales=1,2"]);
  });
});
