import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createGate, inOrder } from "./in-order.ts";

describe("inOrder", () => {
  it("does several tasks at once, and what waits for its turn in order", async () => {
    const events: string[] = [];
    let running = 0;
    let most = 0;
    await inOrder(5, 2, async (index, turn) => {
      most = Math.max(most, ++running);
      await wait(index === 0 ? 20 : 1);
      events.push(`made ${index}`);
      await turn;
      events.push(`wrote ${index}`);
      running--;
    });
    expect(most).toBe(2);
    expect(events.indexOf("made 1")).toBeLessThan(events.indexOf("made 0"));
    expect(events.filter((event) => event.startsWith("wrote"))).toEqual(
      [0, 1, 2, 3, 4].map((i) => `wrote ${i}`),
    );
  });

  it("ends with the first failure, writes nothing after it and begins nothing more", async () => {
    const written: number[] = [];
    const begun: number[] = [];
    let cancelled = 0;
    const all = inOrder(
      6,
      3,
      async (index, turn) => {
        begun.push(index);
        await wait(index === 1 ? 1 : 5);
        if (index === 1) throw new Error("the second");
        await turn;
        written.push(index);
      },
      () => cancelled++,
    );
    await expect(all).rejects.toThrow("the second");
    expect(written).toEqual([0]);
    expect(begun).toEqual([0, 1, 2]);
    expect(cancelled).toBe(1);
  });
});

describe("createGate", () => {
  it("lets no more in than there is room for, first come first served", async () => {
    const gate = createGate(2);
    let inside = 0;
    const order: number[] = [];
    await Promise.all(
      [0, 1, 2, 3, 4].map((index) =>
        gate(async () => {
          expect(++inside).toBeLessThanOrEqual(2);
          order.push(index);
          await wait(2);
          inside--;
        }),
      ),
    );
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it("gives the place of a task that failed to the next", async () => {
    const gate = createGate(1);
    await expect(gate(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await gate(() => Promise.resolve(7))).toBe(7);
  });
});
