import { CommanderError } from "@commander-js/extra-typings";
import pc from "picocolors";
import { AbortedError, ExplainError, ParameterError } from "../errors.ts";
import { writeError } from "../write-error.ts";

/** How the program ends: 0 done, 1 failed, 2 the command line is at fault, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 130;

/** The exit code for what a command threw. */
export function exitCodeOf(error: unknown): ExitCode {
  // Commander throws for --help and --version too, with exit code 0; what it calls 1 is always a fault of usage.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof AbortedError) return 130;
  return error instanceof ParameterError ? 2 : 1;
}

/** Codes of the system that only a write can bring; many files are written without a sentence of their own. */
const writeCodes: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EROFS"]);

/** What the user reads about it, or `undefined` where Commander has already said it. */
export function describeError(thrown: unknown, isVerbose: boolean): string | undefined {
  if (thrown instanceof CommanderError) return undefined;
  const isWrite = thrown instanceof Error && "code" in thrown && writeCodes.has(thrown.code);
  const error = isWrite ? writeError("path" in thrown ? String(thrown.path) : "results", thrown) : thrown;
  const prefix = pc.red("error:");
  const stack = error instanceof Error ? error.stack : undefined;
  if (isVerbose && stack !== undefined) return `${prefix} ${stack}${causeOf(error)}`;
  if (error instanceof ExplainError) return `${prefix} ${error.message}`;
  const message = error instanceof Error ? error.message : String(error);
  return `${prefix} ${message}\nThis should not have happened. Run the command again with --verbose and report what it prints.`;
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error) || error.cause === undefined) return "";
  return `\ncaused by: ${error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : JSON.stringify(error.cause)}`;
}
