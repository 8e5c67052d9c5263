import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const repository = fileURLToPath(new URL("../..", import.meta.url));
const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** How a run of the program ended. */
export interface CliResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

/** Options of {@link runCli}. */
export interface CliRunOptions {
  readonly input?: Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Sends SIGINT after so many milliseconds. */
  readonly interruptAfter?: number;
  /** Sends SIGINT as soon as it is true; asked again and again. */
  readonly interruptWhen?: () => boolean;
  /** Sends a second SIGINT so many milliseconds after the first of `interruptWhen`. */
  readonly interruptAgainAfter?: number;
}

/** Runs the built program as a user does, from the repository, with nothing on a terminal. */
export async function runCli(args: readonly string[], options: CliRunOptions = {}): Promise<CliResult> {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: repository,
    env: { ...process.env, ...options.env },
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // The program may end without reading its input.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input);
  const timer =
    options.interruptAfter === undefined
      ? undefined
      : setTimeout(() => child.kill("SIGINT"), options.interruptAfter);
  const poll = setInterval(() => {
    if (options.interruptWhen?.() !== true) return;
    clearInterval(poll);
    child.kill("SIGINT");
    if (options.interruptAgainAfter !== undefined)
      setTimeout(() => child.kill("SIGINT"), options.interruptAgainAfter);
  }, 10);
  // A program that hangs must not outlive the test that noticed.
  const watchdog = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, name) => resolve([code, name]));
  });
  clearTimeout(timer);
  clearInterval(poll);
  clearTimeout(watchdog);
  const bytes = Buffer.concat(stdout);
  return {
    status,
    signal,
    stdout: bytes.toString(),
    stdoutBytes: bytes,
    stderr: Buffer.concat(stderr).toString(),
  };
}
