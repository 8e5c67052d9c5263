import { describe, expect, it } from "vitest";
import { createStopper } from "./stopper.ts";

const map = () => ({ width: 1, height: 1, values: new Float32Array(1) });

describe("createStopper", () => {
  it("waits for methods that have a map, and ends those that have none", () => {
    const stopper = createStopper();
    const [halfway, early, blind] = [stopper.begin(), stopper.begin(), stopper.begin()];
    halfway.progress({ done: 1, total: 9, map });
    early.progress({ done: 0, total: 9, map });
    blind.progress({ done: 5, total: 9 });
    expect(stopper.request()).toBe(true);
    expect(stopper.stop.aborted).toBe(true);
    expect([halfway, early, blind].map(({ signal }) => signal.aborted)).toEqual([false, true, true]);
  });

  it("has nothing to wait for where no map exists or all are written", () => {
    const stopper = createStopper();
    const job = stopper.begin();
    job.progress({ done: 5, total: 9 });
    expect(stopper.request()).toBe(false);
    job.end(true);
    stopper.written(1);
    expect(stopper.request()).toBe(false);
    expect(stopper.stop.aborted).toBe(false);
  });

  it("waits for maps that are made and not yet written", () => {
    const stopper = createStopper();
    stopper.begin().end(true);
    expect(stopper.request()).toBe(true);
  });
});
