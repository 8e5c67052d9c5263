import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { configurationDifference, configurationHash, type Configuration } from "./configuration.ts";
import { openRecordWriter, readRecords, recordKey, type RunRecord } from "./records.ts";
import { openRun, readRunFile } from "./run-folder.ts";

const root = mkdtempSync(join(tmpdir(), "records-"));
afterAll(() => rmSync(root, { recursive: true }));

const failure = (image: string): RunRecord => ({
  kind: "failure",
  image,
  code: "DATA",
  message: "unreadable: ü",
});
async function all(run: string): Promise<string[]> {
  const images: string[] = [];
  for await (const record of readRecords(run)) images.push(record.image);
  return images;
}

describe("records", () => {
  it("come back in order, from all files of a run", async () => {
    const run = mkdtempSync(join(root, "run-"));
    for (const [name, images] of [
      ["records.jsonl", ["a", "b"]],
      ["records-2.jsonl", ["c"]],
    ] as const) {
      const writer = openRecordWriter(join(run, name));
      for (const image of images) writer.append(failure(image));
      writer.close();
    }
    expect((await all(run)).sort()).toEqual(["a", "b", "c"]);
  });

  it("lose a half-written last line, and nothing else", async () => {
    const run = mkdtempSync(join(root, "run-"));
    const path = join(run, "records.jsonl");
    const writer = openRecordWriter(path);
    writer.append(failure("a"));
    writer.close();
    for (const cut of [1, 10, 40]) {
      appendFileSync(path, JSON.stringify(failure("b")).slice(0, cut));
      expect(await all(run)).toEqual(["a"]);
      openRecordWriter(path).close();
      expect(readFileSync(path, "utf8").split("\n")).toHaveLength(2);
    }
    const again = openRecordWriter(path);
    again.append(failure("b"));
    again.close();
    expect(await all(run)).toEqual(["a", "b"]);
  });

  it("tell of a damaged line in the middle", async () => {
    const run = mkdtempSync(join(root, "run-"));
    writeFileSync(join(run, "records.jsonl"), `{"kind":\n${JSON.stringify(failure("a"))}\n`);
    await expect(all(run)).rejects.toThrow(/line 1/);
  });

  it("have one key a map, whether it was made or failed", () => {
    const made = {
      kind: "map",
      image: "i",
      model: "m",
      row: "r",
      target: { index: 3 },
    } as unknown as RunRecord;
    const failed: RunRecord = {
      kind: "failure",
      image: "i",
      model: "m",
      row: "r",
      target: 3,
      code: "X",
      message: "",
    };
    expect(recordKey(made)).toBe(recordKey(failed));
    expect(recordKey(failure("i"))).not.toBe(recordKey(failed));
  });
});

const preprocess: Configuration["models"][number]["preprocess"] = {
  resize: { mode: "stretch", filter: "bilinear", antialias: true, cropFraction: 0.875 },
  normalization: { mean: [0], std: [1], channelOrder: "RGB" },
};
const configuration: Configuration = {
  models: [{ name: "net", path: "/a/net.onnx", sha256: "1", preprocess }],
  rows: [{ label: "grad-cam", kind: "method", method: "grad-cam", params: {} }],
  metrics: [{ label: "deletion", metric: "deletion", params: { ties: "index" } }],
  dataset: "folder:/a",
  images: { count: 2, sha256: "2" },
  target: "predicted",
  threshold: 0.5,
  seed: 0,
  saveMaps: false,
};
const provenance = { command: "x", startedAt: "now", versions: {}, machine: "m" };

describe("a run's configuration", () => {
  it("is the same wherever model and images are", () => {
    const moved = {
      ...configuration,
      dataset: "folder:/b",
      models: [{ name: "net", path: "/b/n.onnx", sha256: "1", preprocess }],
    };
    expect(configurationHash(moved)).toBe(configurationHash(configuration));
    expect(configurationDifference(configuration, moved)).toEqual([]);
  });

  it("shows what differs, and refuses to mix", () => {
    const run = join(root, "config");
    openRun(run, configuration, provenance);
    const other: Configuration = {
      ...configuration,
      seed: 1,
      metrics: [{ label: "deletion", metric: "deletion", params: { ties: "random" } }],
      rows: [...configuration.rows, { label: "rise", kind: "method", method: "rise", params: {} }],
    };
    expect(() => openRun(run, other, provenance)).toThrow(
      /metrics\.deletion\.params\.ties: "index" -> "random"[^]*rows\.rise\.kind: \(absent\) -> "method"[^]*seed: 0 -> 1/,
    );
    expect(openRun(run, configuration, provenance).hash).toBe(readRunFile(run).hash);
  });
});
