import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { metricByName } from "../metrics/index.ts";
import { rowMethod } from "./open-bench.ts";
import { parseParams } from "../methods/parameters.ts";
import { publishedValues } from "./report/published-values.ts";
import { experiments, paperExperiment } from "./reproduce.ts";

const models = mkdtempSync(join(tmpdir(), "reproduce-"));
beforeAll(() => {
  for (const name of ["densenet201", "inception_v3", "resnet50-coco"])
    writeFileSync(join(models, `${name}.onnx`), "");
  mkdirSync(join(models, "vgg19"));
  writeFileSync(join(models, "vgg19", "model.onnx"), "");
});
afterAll(() => rmSync(models, { recursive: true }));

describe("the paper's experiments", () => {
  it("name methods and metrics that exist", () => {
    for (const experiment of experiments) {
      const { methods, metrics } = paperExperiment({ experiment, data: "/data", models });
      for (const { name } of methods) expect(rowMethod(name).name).toBe(name);
      for (const { name } of metrics) expect(metricByName(name).name).toBe(name);
    }
  });

  it("have a row for every row that the paper prints", () => {
    for (const experiment of ["table1", "table2", "table3"] as const) {
      const { methods } = paperExperiment({ experiment, data: "/data", models });
      const ours = methods.map(({ name, label }) => label ?? name);
      const theirs = publishedValues().flatMap(({ table, row }) => (table === experiment ? [row] : []));
      expect(new Set(ours)).toEqual(new Set(theirs));
    }
  });

  it("take the paper's settings where a method has others as default", () => {
    const { methods } = paperExperiment({ experiment: "table1", data: "/data", models });
    expect(methods.at(-1)).toEqual({ name: "sigcam", params: { preset: "paper" } });
    expect(parseParams(rowMethod("sigcam"), {})).toMatchObject({ preset: "fast" });
  });

  it("take the paper's number of images unless told otherwise, and find models in folders", () => {
    expect(paperExperiment({ experiment: "table1", data: "/data", models })).toMatchObject({
      limit: 5000,
      resize: "stretch",
    });
    expect(paperExperiment({ experiment: "table2", data: "/data", models })).not.toHaveProperty("limit");
    const { models: found } = paperExperiment({ experiment: "table2", data: "/data", models, limit: 3 });
    expect(found[2]).toEqual({ name: "vgg19", path: join(models, "vgg19", "model.onnx") });
  });

  it("tell how to get a network that is not there", () => {
    expect(() => paperExperiment({ experiment: "table3", data: "/data", models: "/nowhere" })).toThrow(
      /docs\/reproduce\.md.*finetune/,
    );
  });
});
