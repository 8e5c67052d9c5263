import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { RuntimeUnavailableError } from "../../errors.ts";
import { embeddedModelPath } from "../../node.ts";
import type { Configuration } from "../configuration.ts";
import { loadQueueModules, withoutPassword, withoutRepetition } from "./bullmq.ts";
import {
  checkImage,
  imageJob,
  packConfiguration,
  packMap,
  unpackConfiguration,
  unpackMap,
} from "./image-job.ts";
import { relocated } from "./relocate.ts";

const configuration: Configuration = {
  models: [
    {
      name: "net",
      path: "/data/net.onnx",
      sha256: "00",
      preprocess: {
        resize: { mode: "stretch", filter: "bilinear", antialias: true, cropFraction: 1 },
        normalization: { mean: [0], std: [1], channelOrder: "RGB" },
      },
    },
  ],
  rows: [{ label: "captum", kind: "saved", pattern: "/data/maps/{stem}.npy" }],
  metrics: [],
  dataset: "coco:/data/images,/data/instances.json",
  images: { count: 1, sha256: "00" },
  target: "predicted",
  threshold: 0,
  seed: 0,
  saveMaps: false,
};

function photograph(content: string) {
  const folder = mkdtempSync(join(tmpdir(), "queue-unit-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "a.png");
  writeFileSync(path, content);
  return { key: "a.png", path, load: () => Promise.reject(new Error("not asked for")) };
}

it("says what to install where the packages are missing", async () => {
  const fail = () => Promise.reject(new Error("Cannot find package 'bullmq'"));
  const missing = loadQueueModules({ bullmq: fail, ioredis: fail });
  await expect(missing).rejects.toThrow(RuntimeUnavailableError);
  await expect(missing).rejects.toThrow("npm install bullmq ioredis");
});

it("reads every path of a configuration where this machine has it", () => {
  const { models, rows, dataset } = relocated(configuration, [{ from: "/data", to: "/mnt/c" }]);
  expect(models[0]?.path).toBe("/mnt/c/net.onnx");
  expect(rows[0]).toMatchObject({ pattern: "/mnt/c/maps/{stem}.npy" });
  expect(dataset).toBe("coco:/mnt/c/images,/mnt/c/instances.json");
});

it("finds the embedded classifier where this package is installed", () => {
  const models = configuration.models.map((model) => ({
    ...model,
    path: "/elsewhere/models/efficientnet-lite0.onnx",
  }));
  expect(relocated({ ...configuration, models }).models[0]?.path).toBe(embeddedModelPath);
});

it("refuses a run of another version", () => {
  expect(unpackConfiguration(packConfiguration(configuration))).toEqual(configuration);
  const other = packConfiguration(configuration).replace(/"version":"[^"]*"/, '"version":"9.9.9"');
  expect(() => unpackConfiguration(other)).toThrow("9.9.9");
});

it("tells a changed image from the same", async () => {
  const job = await imageJob(3, photograph("one"));
  await checkImage(job, photograph("one"));
  await expect(checkImage(job, photograph("two"))).rejects.toThrow("SHA-256");
  await expect(checkImage(job, { ...photograph("one"), key: "b.png" })).rejects.toThrow("b.png");
});

it("brings every value of a map through text unchanged", () => {
  const values = Float32Array.from([0, -1.5, 1e-38, Number.NaN, 3.4e38, 1 / 3]);
  expect(unpackMap(packMap({ width: 3, height: 2, values }))).toEqual({ width: 3, height: 2, values });
});

it("keeps passwords and repetitions to itself", () => {
  expect(withoutPassword("redis://user:secret@host:6379/1")).toBe("redis://user:***@host:6379/1");
  const said: string[] = [];
  const note = withoutRepetition((text) => said.push(text));
  for (const text of ["away", "away", "back", "away"]) note(text);
  expect(said).toEqual(["away", "back", "away"]);
});
