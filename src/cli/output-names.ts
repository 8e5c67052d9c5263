import { parse } from "node:path";

/** The names of several methods joined into one must leave room for the rest of a file name of 255 bytes. */
const longestMethodList = 120;

/**
 * One stem an image for the names of its results: the file name without its ending. Images of one name (from two
 * folders, or `cat.png` and `cat.jpg`) get `-2`, `-3`, ... in the order given, so that no result overwrites another.
 */
export function outputStems(images: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return images.map((image) => {
    const base = image === "-" ? "stdin" : parse(image).name || "image";
    let stem = base;
    for (let copy = 2; taken.has(stem.toLowerCase()); copy++) stem = `${base}-${copy}`;
    // File systems of macOS and Windows do not tell Cat from cat.
    taken.add(stem.toLowerCase());
    return stem;
  });
}

/** `STEM.METHOD.TARGETINDEX`, to which `.png`, `.npy` or `.json` is added. Several methods are joined with `+`. */
export function outputName(
  stem: string,
  methods: readonly string[],
  target: { readonly index: number; readonly minus?: number },
): string {
  const joined = methods.join("+");
  const list = joined.length <= longestMethodList ? joined : `${methods.length}-methods`;
  // `aop:grad-cam+i-gos`: a colon is not allowed in file names on Windows.
  const method = list.replaceAll(/[:\\/*?"<>|]/g, "-");
  return `${stem}.${method}.${target.index}${target.minus === undefined ? "" : `-minus-${target.minus}`}`;
}
