import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { repository, runCli } from "./support/run-cli.ts";

const chelsea = "examples/chelsea.png";
const embeddedModel = join(repository, "models/efficientnet-lite0.onnx");
let out = "";
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "onnx-saliency-cli-"));
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

/** The only result with an ending. */
function resultPath(ending: string): string {
  const names = readdirSync(out).filter((name) => name.endsWith(ending));
  expect(names).toHaveLength(1);
  return join(out, names[0] ?? "");
}

/** An `.npy` file of float32: its shape and values. */
function readNpy(path: string): { readonly shape: string; readonly values: Float32Array } {
  const bytes = readFileSync(path);
  const headerLength = bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, 10 + headerLength);
  expect(header).toContain("'descr': '<f4'");
  return {
    shape: /'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "",
    values: new Float32Array(new Uint8Array(bytes.subarray(10 + headerLength)).buffer),
  };
}

describe("explain", () => {
  it("explains a photograph with nothing but its name", async () => {
    const result = await runCli(["explain", chelsea, "--out", out]);
    expect(result.stderr).toBe("");
    expect(result.status).toBe(0);
    expect(readdirSync(out).sort()).toEqual([
      "chelsea.grad-cam.282.json",
      "chelsea.grad-cam.282.npy",
      "chelsea.grad-cam.282.png",
    ]);
    expect(result.stdout).toContain("tiger cat (282)");
    expect(result.stdout).toContain("chelsea.grad-cam.282.png");

    const map = readNpy(resultPath(".npy"));
    expect(map.shape).toBe("224, 224");
    expect(map.values).toHaveLength(224 * 224);
    expect(Math.max(...map.values)).toBeGreaterThan(0);
    const picture = await sharp(resultPath(".png")).metadata();
    expect(picture.width).toBeGreaterThanOrEqual(451);
  });

  it("writes a record that says how the map came about", async () => {
    await runCli(["explain", chelsea, "--out", out, "--seed", "7"]);
    const record: unknown = JSON.parse(readFileSync(resultPath(".json"), "utf8"));
    expect(record).toMatchObject({
      image: chelsea,
      model: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown, opset: 17 },
      method: "grad-cam",
      params: { score: "logit" },
      target: { index: 282, label: expect.stringContaining("tiger cat") as unknown },
      score: { logit: expect.any(Number) as unknown, probability: expect.any(Number) as unknown },
      layer: expect.any(String) as unknown,
      preprocessing: { normalization: { channelOrder: "RGB" } },
      seed: 7,
      versions: { "onnx-saliency": "0.1.0", "onnxruntime-node": "1.30.0" },
      counts: { forward: 0, gradient: 1 },
      elapsedMs: expect.any(Number) as unknown,
    });
  });

  it("prints records and nothing else with --json, one a line", async () => {
    const result = await runCli([
      "explain",
      chelsea,
      "--method",
      "grad-cam,gradient",
      "--target",
      "top2",
      "--json",
      "--out",
      out,
    ]);
    expect(result.stderr).toBe("");
    const lines = result.stdout.trimEnd().split("\n");
    const records = lines.map((line) => JSON.parse(line) as { method: string; target: { index: number } });
    expect(records.map(({ method }) => method)).toEqual(["grad-cam", "gradient", "grad-cam", "gradient"]);
    expect(new Set(records.map(({ target }) => target.index)).size).toBe(2);
  });

  it("makes one picture of several methods, and a map and a record of each", async () => {
    await runCli([
      "explain",
      chelsea,
      "--method",
      "grad-cam",
      "--method",
      "input-x-gradient",
      "--target",
      "285",
      "--out",
      out,
    ]);
    expect(readdirSync(out).sort()).toEqual([
      "chelsea.grad-cam+input-x-gradient.285.png",
      "chelsea.grad-cam.285.json",
      "chelsea.grad-cam.285.npy",
      "chelsea.input-x-gradient.285.json",
      "chelsea.input-x-gradient.285.npy",
    ]);
    const single = await sharp(join(repository, chelsea)).metadata();
    const panels = await sharp(resultPath(".png")).metadata();
    expect(panels.width).toBeGreaterThan(1.8 * (single.width ?? 0));
  });

  it("finds the class by name, and takes the model and its preprocessing by name", async () => {
    const args = [
      embeddedModel,
      chelsea,
      "--target",
      "Egyptian cat",
      "--preprocess",
      "efficientnet-lite",
      "--resize",
      "letterbox",
      "--threads",
      "1",
    ];
    const result = await runCli(["explain", ...args, "--quiet", "--out", out]);
    expect(result).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(JSON.parse(readFileSync(resultPath(".json"), "utf8"))).toMatchObject({
      target: { index: 285 },
      preprocessing: { resize: { mode: "letterbox" } },
    });
  });

  it("reads - from standard input and writes the picture of --out - to standard output", async () => {
    const result = await runCli(["explain", "-", "--out", "-"], {
      input: readFileSync(join(repository, chelsea)),
    });
    expect(result.status).toBe(0);
    const picture = await sharp(result.stdoutBytes).metadata();
    expect(picture.format).toBe("png");
  });

  it("gives the same map for the same seed", async () => {
    const maps: Buffer[] = [];
    for (const seed of ["3", "3", "4"]) {
      await runCli([
        "explain",
        chelsea,
        "--method",
        "smooth-grad",
        "-p",
        "samples=2",
        "--seed",
        seed,
        "--out",
        out,
      ]);
      maps.push(readFileSync(resultPath(".npy")));
    }
    expect(maps[0]?.equals(maps[1] ?? Buffer.of())).toBe(true);
    expect(maps[0]?.equals(maps[2] ?? Buffer.of())).toBe(false);
  });

  it("goes on after an unreadable image among several, and fails in the end", async () => {
    const result = await runCli(["explain", "missing.png", chelsea, "--out", out]);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain("missing.png: expected an image file, found nothing");
    expect(result.stderr).toContain("1 of 2 images could not be explained");
    expect(resultPath(".png")).toContain("chelsea");
  });
});

describe("what users get wrong", () => {
  const cases: readonly {
    readonly name: string;
    readonly args: () => readonly string[];
    readonly status: 1 | 2;
    readonly message: RegExp;
  }[] = [
    {
      name: "a missing image",
      args: () => ["explain", "cat.jpg"],
      status: 1,
      message: /cat\.jpg: expected an image file, found nothing/,
    },
    {
      name: "a text file as image",
      args: () => ["explain", "package.json"],
      status: 1,
      message: /package\.json: expected an image .* got a file of another kind/,
    },
    {
      name: "a truncated image",
      args: () => ["explain", truncated(chelsea, "half.png")],
      status: 1,
      message: /half\.png: expected a complete image, got a damaged or truncated one/,
    },
    {
      name: "a truncated model",
      args: () => ["explain", chelsea, "--model", truncated("models/efficientnet-lite0.onnx", "half.onnx")],
      status: 1,
      message: /half\.onnx: .*(truncated|incomplete)/,
    },
    {
      name: "a text file as model",
      args: () => ["explain", chelsea, "--model", "package.json"],
      status: 1,
      message: /package\.json: expected an ONNX model/,
    },
    {
      name: "a missing model",
      args: () => ["explain", chelsea, "--model", "none.onnx"],
      status: 1,
      message: /none\.onnx/,
    },
    {
      name: "an unknown method",
      args: () => ["explain", chelsea, "--method", "gradcam"],
      status: 2,
      message: /no method named 'gradcam'. Nearest: .*grad-cam/,
    },
    {
      name: "an unknown class",
      args: () => ["explain", chelsea, "--target", "tabbby cat"],
      status: 2,
      message: /no class named 'tabbby cat'. Nearest: /,
    },
    {
      name: "an impossible class index",
      args: () => ["explain", chelsea, "--target", "1000"],
      status: 2,
      message: /expected a class index from 0 to 999, got 1000/,
    },
    {
      name: "an unknown layer",
      args: () => ["explain", chelsea, "--layer", "layer4"],
      status: 1,
      message: /layer4/,
    },
    {
      name: "an unknown parameter",
      args: () => ["explain", chelsea, "-p", "step=3"],
      status: 2,
      message: /expected a parameter of the chosen methods, got 'step'/,
    },
    {
      name: "a parameter out of range",
      args: () => ["explain", chelsea, "--method", "integrated-gradients", "-p", "steps=0"],
      status: 2,
      message: /steps: expected an integer.*, got 0\./,
    },
    {
      name: "a misspelt flag",
      args: () => ["explain", chelsea, "--methods", "rise"],
      status: 2,
      message: /unknown option '--methods'\s*\(Did you mean --method\?\)/,
    },
    {
      name: "a misspelt command",
      args: () => ["explian", chelsea],
      status: 2,
      message: /unknown command 'explian'\s*\(Did you mean explain\?\)/,
    },
    { name: "no image", args: () => ["explain"], status: 2, message: /missing required argument 'IMAGE'/ },
    {
      name: "a seed that is no number",
      args: () => ["explain", chelsea, "--seed", "x"],
      status: 2,
      message: /Expected a whole number/,
    },
    {
      name: "a file where the folder should be",
      args: () => ["explain", chelsea, "--out", "package.json"],
      status: 1,
      message: /package\.json: cannot be written: there is a file of that name/,
    },
    {
      name: "a folder that cannot be made",
      args: () => ["explain", chelsea, "--out", "/proc/maps-of-chelsea"],
      status: 1,
      message: /\/proc\/maps-of-chelsea: cannot be written/,
    },
    {
      name: "a preset that does not exist",
      args: () => ["explain", chelsea, "--preprocess", "imagnet"],
      status: 2,
      message: /imagnet/,
    },
  ];

  function truncated(path: string, name: string): string {
    const bytes = readFileSync(join(repository, path));
    writeFileSync(join(out, name), bytes.subarray(0, bytes.length / 2));
    return join(out, name);
  }

  for (const { name, args, status, message } of cases) {
    it(`answers ${name} with one sentence and exit code ${status}`, async () => {
      const result = await runCli(args());
      expect(result.stderr).toMatch(message);
      expect(result.stderr).not.toMatch(/^\s+at /m);
      expect(result.stdout).toBe("");
      expect(result.status).toBe(status);
    });
  }

  it("shows the stack with --verbose", async () => {
    const result = await runCli(["explain", "cat.jpg", "--verbose"]);
    expect(result.stderr).toMatch(/^\s+at /m);
  });
});

describe("a process among others", () => {
  it("stops at once on SIGINT, as shells expect it, and leaves no half-written file", async () => {
    const slow = ["explain", chelsea, "--method", "integrated-gradients", "-p", "steps=500", "--out", out];
    const started = Date.now();
    const result = await runCli(slow, { interruptAfter: 3000 });
    // Alone, the 500 steps take 20 s and more. A shell shows this end as status 130.
    expect(result.signal).toBe("SIGINT");
    expect(Date.now() - started).toBeLessThan(8000);
    expect(readdirSync(out)).toEqual([]);
  });

  it("does not mind a reader that has had enough", async () => {
    const command = `set -o pipefail; "${process.execPath}" dist/cli/main.js methods --json | head -n 1`;
    const { stdout, stderr } = await promisify(execFile)("bash", ["-c", command], { cwd: repository });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^\{.*\}\n$/);
  });

  it("writes no colour codes where there is no terminal, and some where they are asked for", async () => {
    const [plain, colored] = [
      await runCli(["inspect"]),
      await runCli(["inspect"], { env: { FORCE_COLOR: "1", NO_COLOR: "" } }),
    ];
    expect(plain.stdout).not.toContain("\u001b[");
    expect(colored.stdout).toContain("\u001b[");
  });
});

describe("methods", () => {
  it("lists every method with its cost, parameters and paper", async () => {
    const result = await runCli(["methods", "--json"]);
    const methods = result.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: string; cost: { fb: number }; paper: { url: string } });
    expect(methods.find(({ id }) => id === "grad-cam")).toMatchObject({
      cost: { f: 0, fb: 1 },
      needs: "gradients",
      family: "activation",
    });
    for (const { paper } of methods) expect(paper.url).toMatch(/^https:/);
  });

  it("explains the parameters of one", async () => {
    const result = await runCli(["methods", "integrated-gradients"]);
    expect(result.stdout).toMatch(/steps +an integer from 1 to \d+ +\d+/);
  });
});

describe("inspect", () => {
  it("says where logits and target layer are and what is allowed", async () => {
    const result = await runCli(["inspect", "--json"]);
    expect(JSON.parse(result.stdout)).toMatchObject({
      image: { name: "image", channels: 3, height: 224, width: 224, layout: "NCHW" },
      logits: { classCount: 1000, probabilityKind: "softmax" },
      layer: { height: 7, width: 7 },
      hasLabels: true,
    });
    expect(
      (JSON.parse(result.stdout) as { methods: { problem?: string }[] }).methods.every(
        ({ problem }) => problem === undefined,
      ),
    ).toBe(true);
  });
});

describe("check", () => {
  it("passes the embedded model, with a photograph and without", async () => {
    for (const args of [["check"], ["check", chelsea]]) {
      const result = await runCli([...args, "--json"]);
      expect(JSON.parse(result.stdout)).toMatchObject({ verdict: "pass" });
      expect(result.status).toBe(0);
    }
  });

  it("says what works instead where an operator has no gradient, in text for a bug report", async () => {
    const result = await runCli(["check", "tests/models/compat/loop-on-path.onnx"]);
    expect(result.status).toBe(1);
    expect(result.stdout).toMatch(/^versions +onnx-saliency .*, ONNX Runtime .*, Node v/);
    expect(result.stdout).toMatch(/without a rule +Loop/);
    expect(result.stdout).toMatch(/scores +those of the file to \d/);
    expect(result.stdout).toMatch(/verdict +forward-only: Loop at node '.*': .* rise, score-cam/);
  });

  it("proves nothing on a quantised model, whose score is a staircase, and says so", async () => {
    const result = await runCli(["check", "tests/models/compat/cnn-qdq.onnx"]);
    expect(result.stdout).toMatch(/note +The model is quantised: the explained score is its own/);
    expect(result.stdout).toMatch(/verdict +inconclusive: .*staircase/);
  });

  it("takes the value of a further input, and asks for it by name", async () => {
    const model = "tests/models/compat/two-inputs.onnx";
    expect((await runCli(["check", model])).stderr).toMatch(/besides the image 'image': facts.*--feed/);
    const result = await runCli(["check", model, "--feed", "facts=0.5", "--json"]);
    expect(JSON.parse(result.stdout)).toMatchObject({ verdict: "pass" });
  });
});
