import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DataError } from "../errors.ts";
import { parsePreprocess } from "../image/preprocess-schema.ts";
import type { Preprocess } from "../image/preprocess.ts";

/** Class names from a file: one a line, a JSON list, or JSON with `id2label` (as Hugging Face writes it). */
export function readLabels(path: string): readonly string[] {
  const text = readText(path);
  if (!path.endsWith(".json")) return parseLabelLines(text);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DataError(
      `${path}: expected JSON, got text that does not parse (${(error as Error).message}).`,
      { cause: error },
    );
  }
  const table = Array.isArray(json) ? json : (json as { readonly id2label?: unknown } | null)?.id2label;
  if (typeof table !== "object" || table === null) {
    throw new DataError(
      `${path}: expected a list of class names, or an object with "id2label", got something else.`,
    );
  }
  const entries = Object.entries(table as Record<string, unknown>);
  const labels: string[] = [];
  for (const [key, value] of entries) {
    const index = Number(key);
    if (!Number.isInteger(index) || index < 0 || index > 1_000_000 || typeof value !== "string") {
      throw new DataError(
        `${path}: expected class names by index, got ${JSON.stringify(value)} at ${JSON.stringify(key)}.`,
      );
    }
    labels[index] = value;
  }
  return Array.from(labels, (label, index) => label ?? `class ${index}`);
}

function parseLabelLines(text: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  while (lines.at(-1)?.trim() === "") lines.pop();
  // Teachable Machine writes "0 cat", "1 dog"; ImageNet lists write "n01440764<tab>tench".
  const isNumbered = lines.every((line, index) => new RegExp(`^${index}[\\s:,]+\\S`).test(line));
  const isWordNet = lines.every((line) => /^n\d{8}\s+\S/.test(line));
  return lines.map((line) => (isNumbered || isWordNet ? line.replace(/^\S+[\s,]+/, "") : line).trim());
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
