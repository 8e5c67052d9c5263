import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTinyClassifier } from "../../tests/support/tiny-classifier.ts";
import { readModel } from "../onnx/read.ts";
import { exportCommand } from "./commands/export.ts";
import { exportExplained, formatExport } from "./export-explained.ts";

const compatible = fileURLToPath(new URL("../../tests/models/compat", import.meta.url));
let folder = "";
let path = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "export-"));
  path = writeTinyClassifier(join(folder, "model.onnx"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const request = { steps: 8, isChecked: true } as const;

describe("exportExplained", () => {
  it.each(["grad-cam", "integrated-gradients"] as const)(
    "writes a file with %s and compares it",
    async (method) => {
      const out = join(folder, `${method}.onnx`);
      const report = await exportExplained({ ...request, path, out, method });
      expect(report).toMatchObject({ files: [out], method, notes: [] });
      expect(report.check?.outputs).toBe("same");
      expect(report.check?.map).toBeLessThan(1e-5);
      expect(report.inputs.map(({ name, type }) => `${name} ${type}`)).toEqual([
        "image float32",
        "target int64",
      ]);
      expect(report.outputs.map(({ name }) => name)).toEqual(["logits", "saliency_map", "explained_class"]);
      const { metadata } = readModel(readFileSync(out));
      expect(JSON.parse(metadata.get("onnx-saliency") ?? "")).toMatchObject({
        method,
        preprocessing: { source: "assumed" },
      });
      const text = await formatExport(report);
      expect(text).toContain("the model's outputs are the same bit for bit");
    },
  );

  it.each([
    "cnn-batch-1",
    "cnn-qdq",
    "cnn-softmax",
    "custom-vision",
    "float16",
    "function",
    "keras-nhwc",
    "mobile-uint8",
    "one-sigmoid",
    "opset-7",
    "opset-18",
    "two-outputs",
    "vit-batch-1",
    "vit-opset-11",
    "vit-optimised",
  ])("keeps the scores of %s and gives the method's map", async (name) => {
    const report = await exportExplained({
      ...request,
      path: join(compatible, `${name}.onnx`),
      out: join(folder, "compatible.onnx"),
      method: "grad-cam",
    });
    expect(report.check?.outputs).toBe("same");
    expect(report.check?.map).toBeLessThan(1e-5);
  });

  it.each(["two-inputs", "two-inputs-batch-1"])("fixes the further input of %s", async (name) => {
    const out = join(folder, `${name}.onnx`);
    const facts = { type: "float32", dims: [], data: Float32Array.of(0.5) } as const;
    const report = await exportExplained({
      ...request,
      path: join(compatible, `${name}.onnx`),
      out,
      method: "wgrad-cam",
      network: { feeds: { facts } },
    });
    expect(report.inputs.map((input) => input.name)).toEqual(["image", "target"]);
    expect(report.check?.outputs).toBe("same");
    expect(report.check?.map).toBeLessThan(1e-5);
  });

  it("leaves the comparison out where it is not wanted", async () => {
    const out = join(folder, "unchecked.onnx");
    const report = await exportExplained({ ...request, isChecked: false, path, out, method: "gradient" });
    expect(report.check).toBeUndefined();
  });
});

describe("export", () => {
  const lines: string[] = [];
  const context = {
    signal: new AbortController().signal,
    onFirstInterrupt: () => undefined,
    onInterrupt: () => undefined,
    print: (line: string) => lines.push(line),
    note: () => undefined,
  };
  const run = async (...args: readonly string[]): Promise<unknown> =>
    exportCommand(context)
      .exitOverride()
      .configureOutput({ writeErr: () => undefined })
      .parseAsync(["node", "onnx-saliency", ...args])
      .catch((error: unknown) => error);

  it("writes beside the model by default", async () => {
    await run(path, "--method", "hires-cam", "--json");
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ files: [join(folder, "model.explained.onnx")] });
  });

  it("does not overwrite the model, and names the methods there are", async () => {
    expect(String(await run(path, "--out", path))).toContain("expected another file than the model");
    expect(String(await run(path, "--method", "rise"))).toContain("grad-cam, wgrad-cam");
  });
});
