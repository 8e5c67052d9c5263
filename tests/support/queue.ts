import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordFiles, readRecords, recordKey } from "../../src/evaluation/records.ts";
import { repository } from "./run-cli.ts";

/** The queue needs the packages bullmq and ioredis and the program redis-server. */
export function hasQueue(): boolean {
  try {
    createRequire(import.meta.url).resolve("bullmq");
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A program of ours in the background. */
export interface Program {
  readonly child: ChildProcess;
  /** What it said on standard error until now. */
  stderr(): string;
  /** Resolves to the exit status; `null` after a signal. */
  readonly ended: Promise<number | null>;
  /** Sends a signal and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** A Redis server of its own and programs that use it; nothing outlives `close`. */
export interface QueueLab {
  readonly url: string;
  startServer(): Promise<void>;
  killServer(): Promise<void>;
  /** An answer of the server, as redis-cli prints it. */
  redis(...command: readonly string[]): string;
  start(...args: readonly string[]): Program;
  /** Ends all programs and empties the server. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** @param isDurable Whether the server has its data again after it was killed. */
export async function openQueueLab(isDurable: boolean): Promise<QueueLab> {
  const folder = mkdtempSync(join(tmpdir(), "redis-"));
  const port = await freePort();
  const programs = new Set<Program>();
  let server: Program | undefined;
  const run = (command: string, args: readonly string[]): Program => {
    const child = spawn(command, args, {
      cwd: command === "redis-server" ? folder : repository,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (text: Buffer) => (said += text.toString()));
    const ended = new Promise<number | null>((resolve) => child.on("close", (code) => resolve(code)));
    const program: Program = {
      child,
      stderr: () => said,
      ended,
      async kill(signal = "SIGKILL") {
        child.kill(signal);
        await ended;
      },
    };
    programs.add(program);
    void ended.then(() => programs.delete(program));
    return program;
  };
  const redis = (...command: readonly string[]): string =>
    execFileSync("redis-cli", ["-p", String(port), ...command], { encoding: "utf8", stdio: "pipe" }).trim();
  const isUp = (): boolean => {
    try {
      return redis("ping") === "PONG";
    } catch {
      return false;
    }
  };
  const clear = async (): Promise<void> => {
    for (const program of programs) if (program !== server) await program.kill();
    if (isUp()) redis("flushall");
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    async startServer() {
      const storing = isDurable ? ["--appendonly", "yes", "--appendfsync", "always"] : ["--appendonly", "no"];
      server = run("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", ...storing]);
      await until(isUp);
    },
    killServer: async () => server?.kill(),
    redis,
    start: (...args) => run(process.execPath, [join(repository, "dist/cli/main.js"), ...args]),
    clear,
    async close() {
      await clear();
      await server?.kill();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Waits until something is true; a test's own limit ends what never comes. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Number of whole records in a run's folder. */
export function recordCount(folder: string): number {
  if (!existsSync(folder)) return 0;
  return recordFiles(folder).reduce(
    (sum, path) => sum + readFileSync(path, "utf8").split("\n").length - 1,
    0,
  );
}

/** The records of a run without what a clock says, in order of their keys. @throws if a key has two records. */
export async function recordsOf(folder: string): Promise<readonly unknown[]> {
  const found = new Map<string, unknown>();
  for await (const record of readRecords(folder)) {
    const key = recordKey(record);
    if (found.has(key)) throw new Error(`recorded twice: ${key}`);
    found.set(key, record.kind === "map" ? { ...record, cost: {} } : record);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
