import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DataError } from "../errors.ts";
import { parsePreprocess } from "../image/preprocess-schema.ts";
import type { Preprocess } from "../image/preprocess.ts";
import { isPreprocessorConfig } from "../image/preprocessor-config.ts";
import { isNumberedLabels, parseLabels } from "./labels.ts";

/** Class names from a file, see `parseLabels`. */
export function readLabels(path: string): readonly string[] {
  return parseLabels(readText(path), path);
}

/**
 * Class names beside a model: `NAME.labels.txt`, `NAME.labels.json`, `labels.txt` or the `id2label` of Hugging Face's
 * `config.json` (beside the model or, for a model in a folder `onnx`, above it); `undefined` if there are none.
 */
export function labelsBeside(modelPath: string): readonly string[] | undefined {
  const stem = modelPath.replace(/\.onnx$/i, "");
  const found = [`${stem}.labels.txt`, `${stem}.labels.json`, join(dirname(modelPath), "labels.txt")].find(
    (path) => existsSync(path),
  );
  if (found !== undefined) return readLabels(found);
  const config = publishedFile(modelPath, "config.json", (json) => "id2label" in json);
  const labels = config === undefined ? undefined : readLabels(config);
  // A model that nobody gave names to.
  return labels?.every((label, index) => label === `LABEL_${index}`) === true ? undefined : labels;
}

/** True if `labels.txt` beside the model numbers its lines from 0, as Teachable Machine writes it. */
export function hasNumberedLabelsBeside(modelPath: string): boolean {
  const path = join(dirname(modelPath), "labels.txt");
  if (!existsSync(path)) return false;
  return isNumberedLabels(readText(path));
}

/**
 * The preprocessing description beside a model: `NAME.preprocess.json`, Hugging Face's `preprocessor_config.json`, or the
 * `config.json` of timm (both beside the model or, for a model in a folder `onnx`, above it); `undefined` if there is none.
 */
export function preprocessBeside(
  modelPath: string,
): { readonly preprocess: Preprocess; readonly path: string } | undefined {
  const own = `${modelPath.replace(/\.onnx$/i, "")}.preprocess.json`;
  const path = existsSync(own)
    ? own
    : (publishedFile(modelPath, "preprocessor_config.json", isPreprocessorConfig) ??
      publishedFile(modelPath, "config.json", (json) => "pretrained_cfg" in json));
  return path === undefined ? undefined : { preprocess: parsePreprocess(readText(path), path), path };
}

/** A JSON file that is published with models, if it is there and is of the kind that is meant. */
function publishedFile(
  modelPath: string,
  name: string,
  isMeant: (json: object) => boolean,
): string | undefined {
  const folder = dirname(modelPath);
  const folders = basename(resolve(folder)) === "onnx" ? [folder, join(folder, "..")] : [folder];
  return folders
    .map((each) => join(each, name))
    .find((path) => {
      if (!existsSync(path)) return false;
      try {
        const json: unknown = JSON.parse(readText(path));
        return typeof json === "object" && json !== null && isMeant(json);
      } catch {
        // A file of that name may belong to another program.
        return false;
      }
    });
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
