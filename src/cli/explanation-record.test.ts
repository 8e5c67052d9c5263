import { describe, expect, it } from "vitest";
import type { ExplanationRecord } from "../methods/explain.ts";
import { summarize } from "./explanation-record.ts";

const record: ExplanationRecord = {
  method: "grad-cam",
  params: {},
  target: { index: 281, label: "tabby" },
  score: { logit: 9.25, probability: 0.6125 },
  layer: "relu_5",
  shape: [2, 2],
  seed: 0,
  counts: { forward: 0, gradient: 1 },
  elapsedMs: 120,
};

describe("summarize", () => {
  it("says what was explained, how and where it is", () => {
    expect(summarize("photos/cat.jpg", [record], "out/cat.grad-cam.281.png").join("\n")).toMatch(
      /cat\.jpg\S*: \S*tabby \(281\)\S*, probability 0\.6125, logit 9\.25\n {2}grad-cam at relu_5, 0\.12 s\n.*out\/cat\.grad-cam\.281\.png/,
    );
  });

  it("says why a map is empty and that a method was stopped", () => {
    const empty: ExplanationRecord = {
      ...record,
      degenerate: { code: "all-weights-negative", message: "All weights are negative." },
      unfinished: { done: 3, total: 15 },
    };
    const text = summarize("cat.jpg", [empty], "x.png").join("\n");
    expect(text).toContain("All weights are negative.");
    expect(text).toContain("stopped after 3 of 15");
  });

  it("calls the score of two classes a difference", () => {
    const difference: ExplanationRecord = { ...record, target: { ...record.target, minus: { index: 285 } } };
    const [head] = summarize("-", [difference], "x.png");
    expect(head).toMatch(
      /standard input.*tabby \(281\).* against class 285, difference of probabilities 0\.6125, of logits 9\.25/,
    );
  });
});
