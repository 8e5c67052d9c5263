import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRecords, recordKey, type RunRecord } from "../src/evaluation/records.ts";
import { repository, runCli, type CliResult } from "./support/run-cli.ts";
import { writeTinyClassifier, writeTinyPhotographs } from "./support/tiny-classifier.ts";

const root = mkdtempSync(join(tmpdir(), "evaluate-"));
const photos = join(root, "photos");
const model = join(root, "tiny.onnx");
const imageCount = 12;

beforeAll(async () => {
  mkdirSync(photos);
  writeTinyClassifier(model);
  await writeTinyPhotographs(photos, imageCount);
});
afterAll(() => rmSync(root, { recursive: true }));

const what = [
  "--model",
  model,
  "--dataset",
  `folder:${photos}`,
  "--method",
  "gradient,smooth-grad",
  "-p",
  "samples=4",
];
/** As it stands in `/proc`: arguments with a zero byte between them. */
const secondJob = ["--job", "2"].join("\0");
let counter = 0;
const newFolder = (): string => join(root, `run-${++counter}`);

/** Records by key without what a clock says. */
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

let reference: ReadonlyMap<string, unknown>;
let firstRun: CliResult;
beforeAll(async () => {
  const folder = newFolder();
  firstRun = await runCli(["evaluate", ...what, "--threads", "1", "--out", folder]);
  reference = await recordsOf(folder);
});

/** Starts an evaluation and kills it with SIGKILL once it has written `lines` records. */
async function killAfter(lines: number, folder: string, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [join(repository, "dist/cli/main.js"), "evaluate", ...args], {
    cwd: repository,
    stdio: "ignore",
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const timer = setInterval(() => {
    const path = join(folder, "records.jsonl");
    if (existsSync(path) && readFileSync(path, "utf8").split("\n").length > lines) child.kill("SIGKILL");
  }, 2);
  await ended;
  clearInterval(timer);
}

describe("onnx-saliency evaluate", () => {
  it("shows how it gets on and ends with the next step", () => {
    const { status, stderr, stdout } = firstRun;
    expect(stderr).toMatch(/12\/12 images, 48 maps, 0 failed.*over-all: gradient -?[\d.]+ ±/);
    expect(stdout).toMatch(/12 images done/);
    expect(status).toBe(0);
  });

  it("gives the same records after being killed again and again", async () => {
    const folder = newFolder();
    for (const lines of [4, 17, 40])
      await killAfter(lines, folder, [...what, "--threads", "1", "--out", folder]);
    expect((await runCli(["evaluate", "--resume", folder, "--threads", "1"])).status).toBe(0);
    expect(await recordsOf(folder)).toEqual(reference);
  });

  it("gives the same records from several jobs, one of which is killed", async () => {
    const folder = newFolder();
    const running = runCli(["evaluate", ...what, "--jobs", "2", "--threads", "1", "--out", folder]);
    const timer = setInterval(() => {
      if (!existsSync(join(folder, "records-job-2.jsonl"))) return;
      clearInterval(timer);
      // The only process whose command line has this job of this run.
      for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        const line = readCommandLine(id);
        if (line.includes(folder) && line.includes(secondJob)) process.kill(Number(id), "SIGKILL");
      }
    }, 5);
    const { status, stderr } = await running;
    clearInterval(timer);
    expect([status, stderr.match(/(\d+) failed/)?.[1]]).toEqual([0, "0"]);
    expect(await recordsOf(folder)).toEqual(reference);
  });

  it("gives the same records from shards, in one folder or merged", async () => {
    const [shared, first, second, merged] = [newFolder(), newFolder(), newFolder(), newFolder()];
    for (const [shard, folder] of [
      ["1/2", first],
      ["2/2", second],
      ["1/2", shared],
      ["2/2", shared],
    ] as const) {
      expect(
        (await runCli(["evaluate", ...what, "--threads", "1", "--shard", shard, "--out", folder])).status,
      ).toBe(0);
    }
    const { stdout, status } = await runCli(["merge", first, second, "--out", merged]);
    expect([status, stdout]).toEqual([0, expect.stringContaining("60 records from 2 runs")]);
    expect(await recordsOf(shared)).toEqual(reference);
    expect(await recordsOf(merged)).toEqual(reference);
  });

  it("measures one method with several settings in rows of their own", async () => {
    const folder = newFolder();
    const rows = ["--method", "few=smooth-grad,smooth-grad", "-p", "samples=4", "-p", "few.samples=1"];
    const other = ["--limit", "1", "--no-baselines", "--out", folder];
    const { status } = await runCli(["evaluate", ...what.slice(0, 4), ...rows, ...other]);
    expect(status).toBe(0);
    const maps = [...(await recordsOf(folder)).values()].filter(
      (record) => (record as RunRecord).kind === "map",
    );
    expect(maps).toMatchObject([
      { row: "few", cost: { fb: 1 } },
      { row: "smooth-grad", cost: { fb: 4 } },
    ]);
  });

  it("refuses another configuration in a run's folder and shows the difference", async () => {
    const folder = newFolder();
    await runCli(["evaluate", ...what, "--limit", "1", "--out", folder]);
    const { status, stderr } = await runCli([
      "evaluate",
      ...what,
      "--limit",
      "2",
      "--metric-param",
      "ties=random",
      "--out",
      folder,
    ]);
    expect(status).toBe(2);
    expect(stderr).toContain('metrics.deletion.params.ties: "index" -> "random"');
    expect(stderr).toContain("limit: 1 -> 2");
    const resumed = await runCli(["evaluate", "--resume", folder, "--limit", "2", "--feed", "age=1"]);
    expect(resumed.status).toBe(2);
    expect(resumed.stderr).toMatch(/--feed: \(absent\) -> age=1\s+--limit: 1 -> 2/);
  });

  it("records an unreadable photograph and reports it", async () => {
    const folder = newFolder();
    const broken = join(root, "broken");
    mkdirSync(broken);
    await writeTinyPhotographs(broken, 2);
    writeFileSync(join(broken, "photo-1.png"), "no image");
    const args = ["--model", model, "--dataset", broken, "--method", "gradient", "--out", folder];
    const { status, stderr } = await runCli(["evaluate", ...args]);
    expect([status, stderr]).toEqual([0, expect.stringContaining("1 could not be done")]);
    const { stdout } = await runCli(["report", folder, "--format", "html,md,csv,json,tex"]);
    expect(stdout.trim().split("\n")).toHaveLength(5);
    expect(readFileSync(join(folder, "report.md"), "utf8")).toMatch(/photo-1\.png, tiny: DATA/);
    expect((await runCli(["evaluate", ...args.slice(0, -1), newFolder(), "--strict"])).status).toBe(1);
  });

  it("says what it needs", async () => {
    expect((await runCli(["evaluate", "--out", newFolder()])).stderr).toMatch(/--dataset folder:photos/);
    expect((await runCli(["evaluate", ...what])).stderr).toMatch(/Give --out RUN/);
    expect((await runCli(["evaluate", "--resume", join(root, "none")])).stderr).toMatch(/expected a run in/);
    expect(
      (await runCli(["evaluate", ...what, "--metric", "pointing-game", "--limit", "1", "--out", newFolder()]))
        .stderr,
    ).toMatch(/could not be done/);
    expect((await runCli(["evaluate", ...what, "--shard", "3/2", "--out", newFolder()])).stderr).toMatch(
      /expected K\/N/,
    );
  });
});

function readCommandLine(id: string): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
