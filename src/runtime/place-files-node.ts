import { realpathSync } from "node:fs";
import { sep } from "node:path";
import type { ExternalFile } from "./session.ts";

/**
 * The one folder in which ONNX Runtime finds the files by their locations, and the files that it must be given in
 * memory because they lie elsewhere (or behind a symbolic link out of the folder, which it refuses to follow).
 */
export function placeFiles(files: readonly ExternalFile[]): {
  readonly folder: string | undefined;
  readonly files: readonly ExternalFile[];
} {
  let folder: string | undefined;
  const inMemory: ExternalFile[] = [];
  for (const file of files) {
    const home = file.source instanceof Uint8Array ? undefined : folderOf(file.source.path, file.location);
    if (home === undefined || (folder !== undefined && folder !== home)) inMemory.push(file);
    else folder = home;
  }
  return { folder, files: inMemory };
}

function folderOf(path: string, location: string): string | undefined {
  const real = realpathSync(path);
  const tail = sep + location.split("/").join(sep);
  return real.endsWith(tail) ? real.slice(0, -tail.length) || sep : undefined;
}
