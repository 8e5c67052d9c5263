import { describe, expect, it } from "vitest";
import { createProgressBar, formatDuration } from "./progress.ts";

function terminal(isTTY: boolean) {
  const written: string[] = [];
  return { written, isTTY, columns: 100, write: (text: string) => written.push(text) };
}

describe("createProgressBar", () => {
  it("writes nothing where there is no terminal or nobody wants it", () => {
    for (const [stream, isEnabled] of [
      [terminal(false), true],
      [terminal(true), false],
    ] as const) {
      const bar = createProgressBar(stream, isEnabled);
      bar.start("rise");
      bar.update(1, 2);
      bar.clear();
      expect(stream.written).toEqual([]);
    }
  });

  it("extrapolates the remaining time from the part that is done", () => {
    let time = 0;
    const stream = terminal(true);
    const bar = createProgressBar(stream, true, () => time);
    bar.start("rise");
    time = 30_000;
    bar.update(250, 1000, "score 0.9");
    expect(stream.written.at(-1)).toContain("250/1000, 1 min 30 s left  score 0.9");
  });

  it("does not redraw more often than one can see", () => {
    let time = 0;
    const stream = terminal(true);
    const bar = createProgressBar(stream, true, () => time);
    for (let done = 1; done <= 1000; done++) {
      time += 1;
      bar.update(done, 1000);
    }
    expect(stream.written.length).toBeLessThan(20);
    expect(stream.written.at(-1)).toContain("1000/1000");
  });

  it("never draws a line longer than the terminal is wide", () => {
    const stream = { ...terminal(true), columns: 30 };
    createProgressBar(stream, true).update(1, 2, "a long note that does not fit");
    expect(stream.written[0]?.replace("\r\u001b[2K", "").length).toBe(29);
  });
});

describe("formatDuration", () => {
  it("names the two largest units", () => {
    expect([0.4, 59.4, 200, 7500].map(formatDuration)).toEqual(["0 s", "59 s", "3 min 20 s", "2 h 5 min"]);
  });
});
