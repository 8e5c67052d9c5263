import { describe, expect, it } from "vitest";
import { resolveTarget, resolveTargets } from "./target.ts";

const labels = ["tench, Tinca tinca", "tabby, tabby cat", "tiger cat", "tiger, Panthera tigris", "cat"];
const facts = { logits: [0.5, 3, 2, 3, -1], labels };

describe("resolveTargets", () => {
  it.each([
    ["top1", [1]],
    ["top3", [1, 3, 2]],
    ["rank2", [3]],
    ["TOP1", [1]],
    ["4", [4]],
    ["tabby", [1]],
    ["Tiger Cat", [2]],
    ["tiger", [3]],
    ["cat", [4]],
    ["ten", [0]],
    ["panthera", [3]],
    ["tigris", [3]],
  ])("%s", (text, indices) => {
    expect(resolveTargets(text, facts)).toEqual(indices.map((index) => ({ index })));
  });

  it("gives the difference of two classes", () => {
    expect(resolveTargets("tabby:vs:tiger cat", facts)).toEqual([{ index: 1, minus: 2 }]);
    expect(resolveTargets("top1:vs:rank2", facts)).toEqual([{ index: 1, minus: 3 }]);
  });

  it.each([
    ["99", /index from 0 to 4, got 99/],
    ["-1", /index from 0 to 4, got -1/],
    ["top9", /at most 5 classes/],
    ["tig", /fits 2: 2 'tiger cat', 3 'tiger, Panthera tigris'\. Give the index/],
    ["tabbi", /no class named 'tabbi'\. Nearest: /],
    ["", /no class named ''/],
    ["0:vs:1:vs:2", /one class on each side/],
    ["top2:vs:1", /one class on each side/],
  ])("refuses '%s'", (text, message) => {
    expect(() => resolveTargets(text, facts)).toThrow(message);
  });

  it("takes an output of the network by its number, the only one for what it is", () => {
    expect(resolveTargets("output:2", facts)).toEqual([{ index: 2 }]);
    expect(resolveTargets("output:0", { logits: [-3, 3], outputCount: 1 })).toEqual([{ index: 1 }]);
    expect(() => resolveTargets("output:1", { logits: [-3, 3], outputCount: 1 })).toThrow(
      "target: expected an output from output:0 to output:0, got 'output:1'. The network has 1.",
    );
  });

  it("says that names need labels", () => {
    expect(() => resolveTargets("tabby", { logits: [1, 2] })).toThrow(/knows no class names/);
  });
});

describe("resolveTarget", () => {
  it("takes exactly one class", () => {
    expect(resolveTarget("top1", facts)).toEqual({ index: 1 });
    expect(() => resolveTarget("top3", facts)).toThrow(/which means 3/);
  });
});
