import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTinyClassifier, writeTinyPhotographs } from "../../tests/support/tiny-classifier.ts";
import { readNpyFloat32 } from "../tensor/npy.ts";
import { configure, type EvaluationRequest } from "./configure.ts";
import type { Configuration } from "./configuration.ts";
import { plannedImages } from "./evaluation-plan.ts";
import { openBench, type OpenBench } from "./open-bench.ts";
import { readRecords, recordKey, type RunRecord } from "./records.ts";
import { openRun } from "./run-folder.ts";
import { toHtml } from "./report/html.ts";
import { toMarkdown } from "./report/text-formats.ts";
import { runImages, savedMapFile, type RunPass } from "./run.ts";
import { summarize } from "./summary.ts";

const root = mkdtempSync(join(tmpdir(), "evaluation-"));
const photos = join(root, "photos");
const model = join(root, "tiny.onnx");
const provenance = { command: "test", startedAt: "", versions: {}, machine: "" };
let configuration: Configuration;
let opened: OpenBench;

const request = (extra: Partial<EvaluationRequest> = {}): EvaluationRequest => ({
  models: [{ path: model }],
  methods: [{ name: "gradient" }, { name: "smooth-grad", params: { samples: 3 } }],
  metrics: [
    { name: "deletion" },
    { name: "insertion" },
    { name: "over-all" },
    { name: "sensitivity-n", params: { cells: 4, samples: 6 } },
  ],
  dataset: `folder:${photos}`,
  ...extra,
});

beforeAll(async () => {
  mkdirSync(photos);
  writeTinyClassifier(model);
  await writeTinyPhotographs(photos, 6);
  configuration = await configure(request());
  opened = await openBench(configuration);
});
afterAll(async () => {
  await opened.close();
  rmSync(root, { recursive: true });
});

let runCounter = 0;
/** A new run of the configuration. */
function newRun(): string {
  const folder = join(root, `run-${++runCounter}`);
  openRun(folder, configuration, provenance);
  return folder;
}
const pass = (folder: string, extra: Partial<RunPass> = {}): RunPass => ({
  folder,
  recordsFile: "records.jsonl",
  bench: opened.bench,
  dataset: opened.dataset,
  saveMaps: false,
  ...extra,
});
const every = [0, 1, 2, 3, 4, 5];

/** Records by key, without what a clock says. */
async function recordsOf(folder: string): Promise<ReadonlyMap<string, unknown>> {
  const found = new Map<string, unknown>();
  for await (const record of readRecords(folder)) {
    const key = recordKey(record);
    if (found.has(key)) throw new Error(`recorded twice: ${key}`);
    found.set(
      key,
      record.kind === "map" ? { ...record, cost: { f: record.cost.f, fb: record.cost.fb } } : record,
    );
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe("a run", () => {
  it("has one record for every image, row and target", async () => {
    const folder = newRun();
    await runImages(pass(folder), every);
    const records = await recordsOf(folder);
    expect(records.size).toBe(6 * (1 + 4));
    expect([...records.keys()].filter((key) => key.includes("|random|"))).toHaveLength(6);
  });

  it("gives the same records in any order, in shards, and after an interruption at any place", async () => {
    const whole = newRun();
    await runImages(pass(whole), every);
    const expected = await recordsOf(whole);

    const backwards = newRun();
    await runImages(pass(backwards), every.toReversed());
    expect(await recordsOf(backwards)).toEqual(expected);

    const sharded = newRun();
    for (const index of [1, 2, 3]) {
      const shard = { index, count: 3 };
      await runImages(
        pass(sharded, { recordsFile: `records-${index}.jsonl` }),
        plannedImages(6, 0, undefined, shard),
      );
    }
    expect(await recordsOf(sharded)).toEqual(expected);

    const interrupted = newRun();
    for (let cut = 3; cut < 40; cut += 7) {
      const controller = new AbortController();
      let count = 0;
      const observer = { onRecord: () => void (++count >= cut && controller.abort()) };
      await runImages(pass(interrupted, { observer, signal: controller.signal }), every).catch(
        () => undefined,
      );
      // And the power went off while the last line was written.
      const path = join(interrupted, "records.jsonl");
      const text = readFileSync(path, "utf8");
      writeFileSync(path, text.slice(0, text.length - 25));
    }
    await runImages(pass(interrupted), every);
    expect(await recordsOf(interrupted)).toEqual(expected);
  });

  it("does nothing again that is done", async () => {
    const folder = newRun();
    await runImages(pass(folder), every);
    const before = opened.bench.models[0]?.model.counts;
    const records: RunRecord[] = [];
    await runImages(pass(folder, { observer: { onRecord: (record) => void records.push(record) } }), every);
    expect(records).toEqual([]);
    expect(opened.bench.models[0]?.model.counts).toEqual(before);
  });

  it("records an unreadable image and goes on, or stops if it is to be strict", async () => {
    const folder = newRun();
    const broken = join(photos, "photo-2.png");
    const content = readFileSync(broken);
    writeFileSync(broken, content.subarray(0, 60));
    try {
      await expect(
        runImages(pass(newRun(), { bench: { ...opened.bench, strict: true } }), every),
      ).rejects.toThrow(/photo-2/);
      await runImages(pass(folder), every);
    } finally {
      writeFileSync(broken, content);
    }
    const records = await recordsOf(folder);
    expect(records.size).toBe(5 * 5 + 1);
    expect([...records.values()]).toContainEqual(
      expect.objectContaining({ kind: "failure", image: "photo-2.png", code: "DATA" }),
    );
    await runImages(pass(folder), every);
    expect((await recordsOf(folder)).size).toBe(26);
    await runImages(pass(folder, { retryFailures: true }), every);
    const keys = [...(await recordsOf(folder)).keys()];
    expect(keys.filter((key) => key.endsWith("photo-2.png"))).toHaveLength(1 + 5);
  });

  it("ends where maps cannot be saved, and counts that against no image", async () => {
    const folder = newRun();
    writeFileSync(join(folder, "maps"), "a file where the folder should be");
    await expect(runImages(pass(folder, { saveMaps: true }), [0])).rejects.toThrow(/maps.*cannot be written/);
    const kinds = async (): Promise<readonly string[]> =>
      ([...(await recordsOf(folder)).values()] as { kind: string }[]).map(({ kind }) => kind);
    expect(await kinds()).toEqual(["targets"]);
    rmSync(join(folder, "maps"));
    await runImages(pass(folder, { saveMaps: true }), [0]);
    expect(await kinds()).not.toContain("failure");
  });

  it("saves maps that come back as another program's with the same scores", async () => {
    const folder = newRun();
    await runImages(pass(folder, { saveMaps: true }), [0]);
    const records = [...(await recordsOf(folder)).values()] as {
      kind: string;
      row: string;
      target: { index: number };
    }[];
    const own = records.find((record) => record.kind === "map" && record.row === "gradient");
    const path = join(
      folder,
      savedMapFile({
        model: "tiny",
        row: "gradient",
        image: "photo-0.png",
        target: own?.target ?? { index: 0 },
      }),
    );
    expect(readNpyFloat32(readFileSync(path)).dims).toEqual([16, 16]);

    const other = await configure(
      request({
        methods: [],
        savedMaps: [
          {
            label: "theirs",
            pattern: path.replace("photo-0.png", "{key}").replace(/\.\d+\.npy$/, ".{target}.npy"),
          },
        ],
      }),
    );
    const bench = await openBench(other);
    const second = join(root, "saved");
    openRun(second, other, provenance);
    await runImages({ ...pass(second), bench: bench.bench }, [0, 1]);
    await bench.close();
    const theirs = [...(await recordsOf(second)).values()] as {
      kind: string;
      row?: string;
      metrics?: unknown;
    }[];
    expect(theirs.find((record) => record.kind === "map" && record.row === "theirs")?.metrics).toEqual(
      (own as unknown as { metrics: unknown }).metrics,
    );
    expect(theirs.find((record) => record.kind === "failure")).toMatchObject({ row: "theirs", code: "DATA" });
  });
});

describe("metrics that change weights", () => {
  it("run on the model's file: the map of a network drawn anew differs", async () => {
    const other = await configure(
      request({ methods: [{ name: "gradient" }], metrics: [{ name: "sanity-checks" }], baselines: false }),
    );
    const bench = await openBench(other);
    const folder = join(root, "sanity");
    openRun(folder, other, provenance);
    await runImages({ ...pass(folder), bench: bench.bench }, [0]);
    await bench.close();
    const record = [...(await recordsOf(folder)).values()].find(
      (value) => (value as RunRecord).kind === "map",
    );
    const value = (record as { metrics: Record<string, { score: number; details: { stages: unknown[] } }> })
      .metrics["sanity-checks"];
    expect(value?.details.stages).toHaveLength(2);
    expect(value?.score).toBeLessThan(0.9);
  });
});

describe("memory", () => {
  it("does not grow with the number of images, nor does the report by more than a few numbers a map", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const count = 10_000;
    // Files of their own, as a data set has, though of few contents: what is measured is the reading and the evaluating.
    const many = join(root, "many");
    mkdirSync(many);
    const contents = every.map((index) => readFileSync(join(photos, `photo-${index}.png`)));
    for (let index = 0; index < count; index++)
      writeFileSync(join(many, `${index}.png`), contents[index % contents.length]!);
    const large = await configure(
      request({ dataset: `folder:${many}`, methods: [], metrics: [{ name: "sparseness" }] }),
    );
    const bench = await openBench(large, { threads: 1 });
    const folder = join(root, "large");
    openRun(folder, large, provenance);
    const used: { readonly heapUsed: number; readonly rss: number }[] = [];
    const measure = (): void => {
      collect();
      const { heapUsed, rss } = process.memoryUsage();
      used.push({ heapUsed, rss });
    };
    let seen = 0;
    const onImage = (): void => {
      seen++;
      if (seen === 2000 || seen === count) measure();
    };
    const indices = plannedImages(count, 0);
    await runImages(
      { ...pass(folder), bench: bench.bench, dataset: bench.dataset, observer: { onImage } },
      indices,
    );
    await bench.close();
    const [early, late] = used;
    // 8000 images: one pixel's worth of numbers kept of each would be more. Pages that the allocator keeps come and go.
    expect((late?.heapUsed ?? Infinity) - (early?.heapUsed ?? 0)).toBeLessThan(2e6);
    expect((late?.rss ?? Infinity) - (early?.rss ?? 0)).toBeLessThan(40e6);

    measure();
    const summary = await summarize(folder);
    measure();
    const [before, after] = used.slice(2);
    expect(summary.images.done).toBe(count);
    // 20,000 maps: their names and scores, and no curve or record.
    expect((after?.heapUsed ?? Infinity) - (before?.heapUsed ?? 0)).toBeLessThan(count * 2 * 500);
    expect(toMarkdown([summary], { comparePaper: true }).length).toBeLessThan(20_000);
    expect(toHtml([{ summary, grids: [] }], { comparePaper: true }).length).toBeLessThan(100_000);
  });
});

describe("configuring", () => {
  it("adds the baselines, and refuses two rows of one name", async () => {
    expect(configuration.rows.map((row) => row.label)).toEqual([
      "gradient",
      "smooth-grad",
      "random",
      "center",
    ]);
    await expect(
      configure(request({ methods: [{ name: "gradient" }, { name: "gradient" }] })),
    ).rejects.toThrow(/'gradient' twice/);
  });

  it("notices another model, other images and other targets", async () => {
    await expect(
      openBench({ ...configuration, models: [{ ...configuration.models[0]!, sha256: "0" }] }),
    ).rejects.toThrow(/not the file/);
    await expect(openBench({ ...configuration, images: { count: 1, sha256: "0" } })).rejects.toThrow(
      /expected the 1 images/,
    );
    await expect(openBench({ ...configuration, target: "annotated" })).rejects.toThrow(/coco, mosaic/);
  });
});

describe("planned images", () => {
  it("grow with the limit, and fall into shards without overlap", () => {
    const few = plannedImages(100, 7, 10);
    const many = plannedImages(100, 7, 30);
    expect(few.every((index) => many.includes(index))).toBe(true);
    const shards = [1, 2, 3].flatMap((index) => plannedImages(100, 7, 30, { index, count: 3 }));
    expect([...shards].sort((a, b) => a - b)).toEqual(many);
  });
});
