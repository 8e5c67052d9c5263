import { readFileSync } from "node:fs";
import { DataError, ParameterError } from "../errors.ts";
import { readNpy } from "../tensor/npy.ts";
import type { AnyTensor } from "../tensor/tensor.ts";

/** A name with the text of its value. */
export interface FeedText {
  readonly name: string;
  readonly text: string;
}

/**
 * The values of further inputs from `NAME=FILE.npy`, `NAME=0.5`, `NAME=1,2,3` or `NAME=true`. A single number fills the whole
 * input; the model converts to the type that the input has.
 *
 * @param options the values of `--feed`, in order
 * @throws ParameterError for what has none of these forms, and for a name that is given twice
 * @throws DataError for a file that is missing or no .npy file
 * @example
 * parseFeeds(["age=63", "history=history.npy"]);
 */
export function parseFeeds(options: readonly string[]): Readonly<Record<string, AnyTensor>> {
  return Object.fromEntries(splitFeeds(options).map(({ name, text }) => [name, parseFeed(name, text)]));
}

/** The names and texts in values of `--feed`. @throws ParameterError for another form, and for a name that is given twice. */
export function splitFeeds(options: readonly string[]): readonly FeedText[] {
  const feeds = new Map<string, string>();
  for (const option of options) {
    // Names of values may hold '=', numbers and files seldom do.
    const at = option.lastIndexOf("=");
    const [name, text] = [option.slice(0, at).trim(), option.slice(at + 1).trim()];
    if (at < 1 || name === "" || text === "") {
      throw new ParameterError(
        `feed: expected NAME=VALUE or NAME=FILE.npy, got '${option}'. For example: --feed age=63.`,
      );
    }
    if (feeds.has(name))
      throw new ParameterError(`feed: '${name}' is given twice. Give each input one value.`);
    feeds.set(name, text);
  }
  return [...feeds].map(([name, text]) => ({ name, text }));
}

/** True where the text of a value is the path of an array file. */
export function isFeedFile(text: string): boolean {
  return /\.npy$/i.test(text);
}

/** The value in a text. @throws ParameterError for what is no value; DataError for a file that cannot be read. */
export function parseFeed(name: string, text: string): AnyTensor {
  if (isFeedFile(text)) return readArray(text);
  const words = text.split(",").map((word) => word.trim());
  const values = words.map((word) => (word === "true" ? 1 : word === "false" ? 0 : Number(word)));
  if (words.includes("") || values.some(Number.isNaN)) {
    throw new ParameterError(
      `feed: expected a number, numbers with commas between them, true, false or a .npy file for '${name}', got '${text}'. ` +
        "Save other arrays with numpy.save.",
    );
  }
  return {
    type: "float64",
    dims: values.length === 1 ? [] : [values.length],
    data: Float64Array.from(values),
  };
}

function readArray(path: string): AnyTensor {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new DataError(`feed: cannot read '${path}'. Check the path.`, { cause: error });
  }
  return readNpy(bytes, path);
}
