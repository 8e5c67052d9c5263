import { describe, expect, it } from "vitest";
import { createJointProgress } from "./joint-progress.ts";

function recorded() {
  const calls: (readonly unknown[])[] = [];
  const record =
    (name: string) =>
    (...args: readonly unknown[]): void => {
      calls.push([name, ...args]);
    };
  const bar = {
    start: record("start"),
    relabel: record("relabel"),
    update: record("update"),
    clear: record("clear"),
  };
  return { calls, progress: createJointProgress(bar) };
}

describe("createJointProgress", () => {
  it("shows one piece of work as it is, with its objective", () => {
    const { calls, progress } = recorded();
    const part = progress.begin("cat: sigcam");
    part.update({ done: 3, total: 15, objective: 0.51234 });
    part.end();
    progress.begin("cat: rise").update({ done: 10, total: 100 });
    expect(calls).toEqual([
      ["start", "cat: sigcam"],
      ["update", 3, 15, "objective 0.5123"],
      ["start", "cat: rise"],
      ["update", 10, 100, ""],
    ]);
  });

  it("sums up what runs at once, with the mean objective, and counts what is still to come", () => {
    const { calls, progress } = recorded();
    progress.expect(4);
    const [first, second] = [progress.begin("a: i-gos"), progress.begin("b: i-gos")];
    first.update({ done: 2, total: 15, objective: 0.4 });
    second.update({ done: 4, total: 15, objective: 0.6 });
    expect(calls.at(-1)).toEqual(["update", 6, 60, "mean objective 0.5000"]);
    first.update({ done: 15, total: 15, objective: 0.2 });
    first.end();
    second.update({ done: 5, total: 15, objective: 0.5 });
    expect(calls.at(-1)).toEqual(["update", 20, 60, "objective 0.5000"]);
  });

  it("counts all alike where their units differ", () => {
    const { calls, progress } = recorded();
    const [first, second] = [progress.begin("a: i-gos"), progress.begin("a: rise")];
    first.update({ done: 3, total: 15 });
    second.update({ done: 4000, total: 8000 });
    expect(calls.at(-1)).toEqual(["update", 70, 200, ""]);
  });
});
