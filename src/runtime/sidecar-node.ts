import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DataError } from "../errors.ts";
import { parsePreprocess } from "../image/preprocess-schema.ts";
import type { Preprocess } from "../image/preprocess.ts";
import { parseLabels } from "./labels.ts";

/** Class names from a file, see `parseLabels`. */
export function readLabels(path: string): readonly string[] {
  return parseLabels(readText(path), path);
}

/** Class names beside a model: `NAME.labels.txt`, `NAME.labels.json` or `labels.txt`; `undefined` if there are none. */
export function labelsBeside(modelPath: string): readonly string[] | undefined {
  const stem = modelPath.replace(/\.onnx$/i, "");
  const found = [`${stem}.labels.txt`, `${stem}.labels.json`, join(dirname(modelPath), "labels.txt")].find(
    (path) => existsSync(path),
  );
  return found === undefined ? undefined : readLabels(found);
}

/** The preprocessing description beside a model, `NAME.preprocess.json`; `undefined` if there is none. */
export function preprocessBeside(
  modelPath: string,
): { readonly preprocess: Preprocess; readonly path: string } | undefined {
  const path = `${modelPath.replace(/\.onnx$/i, "")}.preprocess.json`;
  return existsSync(path) ? { preprocess: parsePreprocess(readText(path), path), path } : undefined;
}

/** A preset name, or the path of a JSON description. */
export function readPreprocess(nameOrPath: string): Preprocess {
  return nameOrPath.endsWith(".json")
    ? parsePreprocess(readText(nameOrPath), nameOrPath)
    : parsePreprocess(nameOrPath);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new DataError(`${path}: cannot be read (${(error as Error).message}).`, { cause: error });
  }
}
