import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { DataError, ParameterError } from "../errors.ts";
import { writeError } from "../write-error.ts";
import {
  configurationDifference,
  configurationHash,
  configurationSchema,
  type Configuration,
} from "./configuration.ts";

const runFile = z.object({
  format: z.literal(1),
  configuration: configurationSchema,
  hash: z.string(),
  /** Command lines, versions and machine; what made the run, for the report. */
  provenance: z.object({
    command: z.string(),
    startedAt: z.string(),
    versions: z.record(z.string(), z.string()),
    machine: z.string(),
  }),
});

/** The content of `run.json`. */
export type RunFile = z.output<typeof runFile>;
export type Provenance = RunFile["provenance"];

/** True if a folder holds a run. */
export function isRun(folder: string): boolean {
  return existsSync(join(folder, "run.json"));
}

/** Reads `run.json`. @throws DataError if there is none, or one of another version. */
export function readRunFile(folder: string): RunFile {
  const path = join(folder, "run.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new DataError(
      `run: expected a run in '${folder}', but there is no '${path}'. Make one with: evaluate --out ${folder}.`,
    );
  }
  try {
    return runFile.parse(JSON.parse(text));
  } catch (error) {
    throw new DataError(
      `${path}: expected the description of a run, got something else (${String(error).slice(0, 200)}).`,
    );
  }
}

/**
 * Starts a run in a folder, or joins the one that is there: several processes and machines may.
 * @throws ParameterError if the folder holds a run with another configuration; the message shows the difference.
 */
export function openRun(folder: string, configuration: Configuration, provenance: Provenance): RunFile {
  const hash = configurationHash(configuration);
  if (isRun(folder)) {
    const existing = readRunFile(folder);
    if (existing.hash === hash) return existing;
    const lines = configurationDifference(existing.configuration, configuration);
    throw new ParameterError(
      `run: '${folder}' holds a run with another configuration, and its records would not go together:\n` +
        `${lines.map((line) => `  ${line}`).join("\n")}\nChoose another --out, or repeat the first settings.`,
    );
  }
  mkdirSync(folder, { recursive: true });
  const file: RunFile = { format: 1, configuration, hash, provenance };
  writeWhole(join(folder, "run.json"), `${JSON.stringify(file, undefined, 2)}\n`);
  return file;
}

/**
 * Writes a file so that a reader sees the old content or the new, never a part.
 *
 * @throws {WriteError} where the disk is full, or the folder cannot be written to
 */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(temporary, "w");
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw writeError(path, error);
  }
}
