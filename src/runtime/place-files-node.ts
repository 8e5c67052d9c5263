import { realpathSync } from "node:fs";
import { sep } from "node:path";
import type { ExternalFile } from "./session.ts";

/**
 * The one folder in which ONNX Runtime finds all files by their locations, or the files that it must be given in
 * memory: all of them as soon as one is there already, lies elsewhere, or is a symbolic link out of the folder (ONNX
 * Runtime does not follow it, and takes no mixture of both ways).
 */
export function placeFiles(files: readonly ExternalFile[]): {
  readonly folder: string | undefined;
  readonly inMemory: readonly ExternalFile[];
} {
  const folders = new Set(
    files.map(({ source, location }) =>
      source instanceof Uint8Array ? undefined : folderOf(source.path, location),
    ),
  );
  const [folder] = folders;
  return folders.size === 1 && folder !== undefined
    ? { folder, inMemory: [] }
    : { folder: undefined, inMemory: files };
}

function folderOf(path: string, location: string): string | undefined {
  const real = realpathSync(path);
  const tail = sep + location.split("/").join(sep);
  return real.endsWith(tail) ? real.slice(0, -tail.length) || sep : undefined;
}
