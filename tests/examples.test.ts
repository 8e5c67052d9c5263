import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repository } from "./support/run-cli.ts";

const run = promisify(execFile);
const photograph = join(repository, "examples/chelsea.png");
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "onnx-saliency-examples-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What each example says of chelsea. A new example needs a line here. */
const expected: Readonly<Record<string, RegExp>> = {
  "compare-classes":
    /top1: tiger cat.*\nrank2: .*\ntop1:vs:rank2: tiger cat.* against .*class-top1-vs-rank2\.png/,
  "compare-methods": /grad-cam +1\.00\nwgrad-cam +-?\d\.\d\d +1\.00/,
  "explain-one-image": /tiger cat.*probability 0\.40\d, seen at .*: chelsea-explained\.png/,
  "own-method": /shift-grad: 4 forward and backward passes/,
  "own-optimizer": /aop:spot\+random-search: 49 forward passes/,
  "own-rule": /norm of the gradient: \d.* by the usual rules, \d.* by one's own/,
};

const examples = readdirSync(join(repository, "examples"))
  .filter((name) => name.endsWith(".ts"))
  .map((name) => name.slice(0, -".ts".length));

describe("examples", () => {
  it("has an expectation for every example, and a word on where each photograph comes from", () => {
    expect(examples).toEqual(Object.keys(expected));
    const readme = readFileSync(join(repository, "examples/README.md"), "utf8");
    const photographs = readdirSync(join(repository, "examples")).filter((name) =>
      /\.(png|jpe?g)$/.test(name),
    );
    for (const name of photographs) expect(readme).toContain(`\`${name}\``);
  });

  for (const name of examples) {
    it(`runs ${name}`, async () => {
      const program = join(repository, ".cache/tools/examples", `${name}.js`);
      const { stdout } = await run(process.execPath, [program, photograph], { cwd: folder });
      expect(stdout).toMatch(expected[name] ?? /^$/);
    });

    it(`keeps ${name} short enough to be read at once`, () => {
      const lines = readFileSync(join(repository, "examples", `${name}.ts`), "utf8")
        .trimEnd()
        .split("\n").length;
      expect(lines).toBeLessThanOrEqual(50);
    });
  }
});
