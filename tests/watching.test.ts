import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "./support/run-cli.ts";
import { writePhotograph, writeSmallModel } from "./support/small-model-file.ts";

let folder = "";
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "onnx-saliency-watching-"));
  writeSmallModel(join(folder, "small.onnx"));
  await writePhotograph(join(folder, "a.png"), 1);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** True once the mask of `a` has been filmed at work. */
function isUnderWay(): boolean {
  return existsSync(join(folder, "out", "a.i-gos.0.frames", "001.png"));
}

const endless = ["--method", "i-gos", "-p", "iterations=10000", "-p", "steps=2"];

function args(...rest: readonly string[]): readonly string[] {
  const out = join(folder, "out");
  return [
    "explain",
    join(folder, "a.png"),
    join(folder, "small.onnx"),
    "--out",
    out,
    "--target",
    "0",
    ...rest,
  ];
}

describe("explain", () => {
  it("writes the map so far on Ctrl-C and ends by the signal, which a shell shows as status 130", async () => {
    const result = await runCli(args(...endless, "--plot", "--frames"), { interruptWhen: isUnderWay });
    expect(result.signal).toBe("SIGINT");
    expect(result.stderr).toContain("Ctrl-C once more ends at once");
    expect(result.stdout).toMatch(/stopped after \d+ of 10000/);
    const record = JSON.parse(readFileSync(join(folder, "out", "a.i-gos.0.json"), "utf8")) as {
      readonly unfinished: { readonly done: number };
      readonly details: { readonly history: readonly unknown[] };
    };
    expect(record.unfinished.done).toBeGreaterThan(0);
    expect(record.details.history).toHaveLength(record.unfinished.done);
    expect(readdirSync(join(folder, "out")).sort()).toEqual([
      "a.i-gos.0.frames",
      "a.i-gos.0.frames.webp",
      "a.i-gos.0.json",
      "a.i-gos.0.loss.png",
      "a.i-gos.0.loss.svg",
      "a.i-gos.0.npy",
      "a.i-gos.0.png",
    ]);
  });

  it("ends at once on a second Ctrl-C, with nothing half-written", async () => {
    const twice = { interruptWhen: isUnderWay, interruptAgainAfter: 3 };
    const result = await runCli(args(...endless, "--frames"), twice);
    expect(result.signal).toBe("SIGINT");
    const out = join(folder, "out");
    const names = [...readdirSync(out), ...readdirSync(join(out, "a.i-gos.0.frames"))];
    expect(names.filter((name) => name.startsWith(".partial"))).toEqual([]);
  });

  it("keeps to a budget and prints deletion and insertion", async () => {
    const result = await runCli(args(...endless, "--budget", "100", "--evaluate"));
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/stopped after \d of 10000/);
    expect(result.stdout).toMatch(
      /deletion \d+\.\d % \(lower is better\), insertion \d+\.\d % \(higher is better\)/,
    );
  });

  it("answers a budget that is none with one sentence and exit code 2", async () => {
    const result = await runCli(args("--budget", "soon"));
    expect(result.status).toBe(2);
    expect(result.stderr).toContain(
      "Expected a time such as 10s or 2min, or a number of evaluations such as 500",
    );
  });
});
