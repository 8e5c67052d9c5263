import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRecords, recordKey } from "../src/evaluation/records.ts";
import { repository, runCli } from "./support/run-cli.ts";
import { writeTinyClassifier, writeTinyPhotographs } from "./support/tiny-classifier.ts";

/** The queue needs the packages bullmq and ioredis and the program redis-server; without them it is not tested. */
function hasQueue(): boolean {
  try {
    createRequire(import.meta.url).resolve("bullmq");
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const root = mkdtempSync(join(tmpdir(), "queue-"));
const photos = join(root, "photos");
const model = join(root, "tiny.onnx");
const what = [
  "--model",
  model,
  "--dataset",
  `folder:${photos}`,
  "--method",
  "gradient,smooth-grad",
  "-p",
  "samples=60",
];
const children: ChildProcess[] = [];
let port = 0;

/** A program of ours in the background. */
function start(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [join(repository, "dist/cli/main.js"), ...args], {
    cwd: repository,
    stdio: "ignore",
  });
  children.push(child);
  return child;
}
const queue = (): readonly string[] => ["--queue", `redis://127.0.0.1:${port}`];
const startWorker = (): ChildProcess => start(["worker", ...queue(), "--threads", "1"]);
function startRedis(): ChildProcess {
  const child = spawn("redis-server", ["--port", String(port), "--save", "", "--appendonly", "no"], {
    stdio: "ignore",
    cwd: root,
  });
  children.push(child);
  return child;
}
const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => child.on("close", () => resolve()));
async function kill(child: ChildProcess): Promise<void> {
  const end = ended(child);
  child.kill("SIGKILL");
  await end;
}
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
/** Waits until a run has so many records. */
async function recorded(folder: string, lines: number): Promise<void> {
  const path = join(folder, "records.jsonl");
  while (!existsSync(path) || readFileSync(path, "utf8").split("\n").length <= lines) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
/** The records without what a clock says, each key once. */
async function recordsOf(folder: string): Promise<ReadonlyMap<string, unknown>> {
  const found = new Map<string, unknown>();
  for await (const record of readRecords(folder)) {
    const key = recordKey(record);
    if (found.has(key)) throw new Error(`recorded twice: ${key}`);
    found.set(key, record.kind === "map" ? { ...record, cost: {} } : record);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe.skipIf(!hasQueue())("a run on a queue", () => {
  let reference: ReadonlyMap<string, unknown>;
  beforeAll(async () => {
    mkdirSync(photos);
    writeTinyClassifier(model);
    await writeTinyPhotographs(photos, 24);
    port = await freePort();
    const folder = join(root, "reference");
    await runCli(["evaluate", ...what, "--threads", "1", "--out", folder]);
    reference = await recordsOf(folder);
  });
  afterAll(async () => {
    await Promise.all(
      children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null).map(kill),
    );
    rmSync(root, { recursive: true });
  });

  it("ends in exactly one record an item though workers, coordinator and server are killed", async () => {
    const folder = join(root, "run");
    let redis = startRedis();
    const first = startWorker();
    startWorker();
    const coordinator = start(["evaluate", ...what, ...queue(), "--out", folder]);
    await recorded(folder, 20);
    await kill(first);
    await recorded(folder, 40);
    await kill(coordinator);
    const again = start(["evaluate", ...what, ...queue(), "--out", folder]);
    await recorded(folder, 60);
    // The server comes back without its memory: all jobs are lost.
    await kill(redis);
    redis = startRedis();
    await ended(again);
    expect(again.exitCode).toBe(0);
    expect(await recordsOf(folder)).toEqual(reference);
  });

  it("lets workers end when there is no more work", async () => {
    const { status } = await runCli(["worker", ...queue(), "--until-idle"]);
    expect(status).toBe(0);
  });
});

describe("without the packages of the queue", () => {
  it.skipIf(hasQueue())("says what to install", async () => {
    const { stderr } = await runCli(["worker", "--queue", "redis://127.0.0.1:1"]);
    expect(stderr).toContain("npm install bullmq ioredis");
  });
});
