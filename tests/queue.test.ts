import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { hasQueue, openQueueLab, recordCount, recordsOf, until, type QueueLab } from "./support/queue.ts";
import { runCli } from "./support/run-cli.ts";
import { writeTinyClassifier, writeTinyPhotographs } from "./support/tiny-classifier.ts";

const root = mkdtempSync(join(tmpdir(), "queue-"));
const photos = join(root, "photos");
const model = join(root, "tiny.onnx");
const what = (samples: number, dataset = `folder:${photos}`): readonly string[] => [
  "--model",
  model,
  "--dataset",
  dataset,
  "--method",
  "gradient,smooth-grad",
  "-p",
  `samples=${samples}`,
];
/** A fraction of a second an image. */
const quick = [...what(20), "--save-maps"];
/** Seconds an image: whoever is interrupted has one in hand. */
const slow = what(400);

afterAll(() => rmSync(root, { recursive: true }));

describe.skipIf(!hasQueue())("a run on a queue", () => {
  let lab: QueueLab;
  let reference: readonly unknown[];
  let slowReference: readonly unknown[];
  const queue = (): readonly string[] => ["--queue", lab.url];
  const startWorker = (...more: readonly string[]) =>
    lab.start("worker", ...queue(), "--threads", "1", ...more);
  const coordinate = (folder: string, ...args: readonly string[]) =>
    lab.start("evaluate", ...args, ...queue(), "--out", folder);
  const plain = async (folder: string, ...args: readonly string[]): Promise<readonly unknown[]> => {
    await runCli(["evaluate", ...args, "--threads", "1", "--out", folder]);
    return recordsOf(folder);
  };
  const jobsIn = (list: "active" | "wait"): number =>
    lab
      .redis("keys", `bull:*:${list}`)
      .split("\n")
      .filter((key) => key !== "")
      .reduce((sum, key) => sum + Number(lab.redis("llen", key)), 0);

  beforeAll(async () => {
    mkdirSync(photos);
    writeTinyClassifier(model);
    await writeTinyPhotographs(photos, 6);
    lab = await openQueueLab(true);
    await lab.startServer();
    reference = await plain(join(root, "quick"), ...quick);
    slowReference = await plain(join(root, "slow"), ...slow);
  });
  afterEach(() => lab.clear());
  afterAll(() => lab.close());

  it("gives the image of a killed worker to another", async () => {
    const folder = join(root, "killed");
    const first = startWorker("--lock", "2");
    const run = coordinate(folder, ...slow);
    await until(() => recordCount(folder) > 0 && jobsIn("active") === 1);
    await first.kill();
    expect(jobsIn("active")).toBe(1);
    startWorker("--lock", "2");
    expect(await run.ended).toBe(0);
    expect(await recordsOf(folder)).toEqual(slowReference);
  });

  it("records an image once that two workers deliver", async () => {
    const folder = join(root, "twice");
    const first = startWorker("--lock", "2");
    const run = coordinate(folder, ...slow);
    await until(() => jobsIn("active") === 1);
    // Not dead, but silent for longer than its lock: the other does its image too.
    first.child.kill("SIGSTOP");
    startWorker("--lock", "2");
    await until(() => recordCount(folder) >= slowReference.length / 2);
    first.child.kill("SIGCONT");
    expect(await run.ended).toBe(0);
    expect(await recordsOf(folder)).toEqual(slowReference);
  });

  it("gives the image of a worker that is told to end back at once", async () => {
    const worker = startWorker();
    coordinate(join(root, "ended"), ...slow);
    await until(() => jobsIn("active") === 1);
    const before = jobsIn("wait");
    await worker.kill("SIGTERM");
    expect(worker.child.signalCode).toBe("SIGTERM");
    expect(jobsIn("active")).toBe(0);
    expect(jobsIn("wait")).toBeGreaterThanOrEqual(before);
  });

  it("goes on where a killed coordinator stopped", async () => {
    const folder = join(root, "coordinator");
    startWorker();
    const first = coordinate(folder, ...slow);
    await until(() => recordCount(folder) > 0);
    await first.kill();
    expect(recordCount(folder)).toBeLessThan(slowReference.length);
    expect(await coordinate(folder, ...slow).ended).toBe(0);
    expect(await recordsOf(folder)).toEqual(slowReference);
  });

  it("brings records and maps home once, whoever else collects them", async () => {
    const folder = join(root, "two");
    const runs = [coordinate(folder, ...quick), coordinate(folder, ...quick)];
    startWorker();
    expect(await Promise.all(runs.map(({ ended }) => ended))).toEqual([0, 0]);
    expect(await recordsOf(folder)).toEqual(reference);
    const maps = readdirSync(join(root, "quick/maps"), { recursive: true, encoding: "utf8" });
    const files = maps.filter((path) => path.endsWith(".npy"));
    expect(files).toHaveLength(24);
    for (const path of files) {
      expect(readFileSync(join(folder, "maps", path))).toEqual(readFileSync(join(root, "quick/maps", path)));
    }
  });

  it("waits until a lost server is back, with its memory", async () => {
    const folder = join(root, "server");
    const worker = startWorker();
    const run = coordinate(folder, ...slow);
    await until(() => recordCount(folder) > 0);
    await lab.killServer();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await lab.startServer();
    expect(await run.ended).toBe(0);
    expect(await recordsOf(folder)).toEqual(slowReference);
    expect(worker.child.exitCode).toBe(null);
  });

  it("adds the jobs again that a server has forgotten", async () => {
    const folder = join(root, "forgotten");
    startWorker();
    const run = coordinate(folder, ...slow);
    await until(() => recordCount(folder) > 0);
    lab.redis("flushall");
    expect(await run.ended).toBe(0);
    expect(await recordsOf(folder)).toEqual(slowReference);
  });

  it("refuses an image that is another on the worker's machine", async () => {
    const [elsewhere, folder] = [join(root, "elsewhere"), join(root, "other-image")];
    cpSync(photos, elsewhere, { recursive: true });
    cpSync(join(photos, "photo-1.png"), join(elsewhere, "photo-0.png"));
    startWorker("--path", `${photos}=${elsewhere}`);
    expect(await coordinate(folder, ...quick).ended).toBe(0);
    const records = (await recordsOf(folder)) as readonly { readonly image: string; readonly kind: string }[];
    expect(records.filter(({ image }) => image === "photo-0.png")).toEqual([
      expect.objectContaining({ kind: "failure", message: expect.stringContaining("SHA-256") as string }),
    ]);
    expect(records.filter(({ image }) => image !== "photo-0.png")).toEqual(
      (reference as typeof records).filter(({ image }) => image !== "photo-0.png"),
    );
  });

  it("records an unreadable image after all tries, and ends a strict run at it", async () => {
    const [mixed, folder] = [join(root, "mixed"), join(root, "unreadable")];
    cpSync(photos, mixed, { recursive: true });
    writeFileSync(join(mixed, "photo-2.png"), "no picture");
    const args = what(20, `folder:${mixed}`);
    startWorker();
    expect(await coordinate(folder, ...args).ended).toBe(0);
    expect(await recordsOf(folder)).toEqual(await plain(join(root, "mixed-plain"), ...args));
    const strict = coordinate(join(root, "strict"), ...args, "--strict");
    expect(await strict.ended).toBe(1);
    expect(strict.stderr()).toContain("photo-2.png");
  });

  it("passes over a run whose model is not there, and says so where there is no other", async () => {
    const missing = join(root, "missing.onnx");
    writeTinyClassifier(missing, { seed: 2 });
    coordinate(join(root, "no-model"), "--model", missing, "--dataset", `folder:${photos}`);
    await until(() => jobsIn("wait") > 0);
    rmSync(missing);
    const folder = join(root, "has-model");
    const run = coordinate(folder, ...quick);
    await until(() => jobsIn("wait") > 6);
    const worker = startWorker();
    expect(await run.ended).toBe(0);
    expect(await recordsOf(folder)).toEqual(reference);
    expect(await worker.ended).toBe(1);
    expect(worker.stderr()).toContain("missing.onnx");
  });

  it("fetches models and images by address and checks their hashes", async () => {
    const server = createServer((request, response) => {
      const path = join(root, request.url ?? "");
      if (existsSync(path)) response.end(readFileSync(path));
      else response.writeHead(404).end();
    });
    const address = await listen(server);
    const list = join(root, "list.txt");
    const hash = (name: string): string =>
      createHash("sha256")
        .update(readFileSync(join(photos, name)))
        .digest("hex");
    writeFileSync(
      list,
      [
        `${address}/photos/photo-0.png,,${hash("photo-0.png")}`,
        // Not what is there.
        `${address}/photos/photo-1.png,,${hash("photo-2.png")}`,
        `${address}/photos/gone.png`,
      ].join("\n"),
    );
    const args = ["--model", `${address}/tiny.onnx`, "--dataset", `list:${list}`, "--method", "gradient"];
    const folder = join(root, "address");
    startWorker();
    expect(await coordinate(folder, ...args).ended).toBe(0);
    expect(await recordsOf(folder)).toEqual(await plain(join(root, "address-plain"), ...args));
    const failures = (await recordsOf(folder)).filter((record) => JSON.stringify(record).includes("failure"));
    expect(failures).toHaveLength(2);
    server.close();
  });

  it("lets workers end when there is no more work", async () => {
    expect(await startWorker("--until-idle").ended).toBe(0);
  });

  it("says where no server answers", async () => {
    const { status, stderr } = await runCli(["worker", "--queue", "redis://:secret@127.0.0.1:1"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/no server|got none \(.*ECONNREFUSED/);
    expect(stderr).not.toContain("secret");
  });
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}
