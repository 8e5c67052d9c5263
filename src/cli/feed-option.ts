import { readFileSync } from "node:fs";
import { DataError, ParameterError } from "../errors.ts";
import type { LoadModelOptions } from "../node.ts";
import { readNpy } from "../tensor/npy.ts";
import type { AnyTensor } from "../tensor/tensor.ts";

/** What commands can be told of a network's inputs and outputs, as text. */
export interface NetworkChoice {
  /** Each `NAME=VALUE` or `NAME=FILE.npy`. */
  readonly feed?: readonly string[] | undefined;
  /** The value with the class scores. */
  readonly output?: string | undefined;
  /** Height and width, for a network that takes any. */
  readonly size?: readonly [height: number, width: number] | undefined;
}

/** The same for `loadModel`. */
export function networkOptions({
  feed,
  output,
  size,
}: NetworkChoice): Pick<LoadModelOptions, "feeds" | "output" | "size"> {
  return {
    ...(feed !== undefined && feed.length > 0 && { feeds: parseFeeds(feed) }),
    ...(output !== undefined && { output }),
    ...(size !== undefined && { size }),
  };
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
  const feeds: Record<string, AnyTensor> = {};
  for (const option of options) {
    // Names of values may hold '=', numbers and files seldom do.
    const at = option.lastIndexOf("=");
    const [name, text] = [option.slice(0, at).trim(), option.slice(at + 1).trim()];
    if (at < 1 || name === "" || text === "") {
      throw new ParameterError(
        `feed: expected NAME=VALUE or NAME=FILE.npy, got '${option}'. For example: --feed age=63.`,
      );
    }
    if (name in feeds) throw new ParameterError(`feed: '${name}' is given twice. Give each input one value.`);
    feeds[name] = parseValue(name, text);
  }
  return feeds;
}

function parseValue(name: string, text: string): AnyTensor {
  if (/\.npy$/i.test(text)) return readArray(text);
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
