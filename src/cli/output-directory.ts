import { rmSync, statSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DataError } from "../errors.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "the system makes no folder there. Choose another folder with --out.",
  ENOSPC: "the disk is full. Free some space, or choose another folder with --out.",
  EDQUOT: "your disk quota is used up. Free some space, or choose another folder with --out.",
  EACCES: "no permission to write there. Choose another folder with --out.",
  EPERM: "no permission to write there. Choose another folder with --out.",
  EROFS: "the file system is read-only. Choose another folder with --out.",
  ENOTDIR: "a part of the path is a file, not a folder. Choose another folder with --out.",
  EEXIST: "there is a file of that name, not a folder. Choose another folder with --out.",
  EISDIR: "there is a folder of that name. Remove it, or choose another folder with --out.",
  ENAMETOOLONG:
    "the name is too long for the file system. Rename the image, or explain fewer methods at once.",
};

/** The four-part sentence for a failed write; errors that are not the file system's come back unchanged. */
function writeError(path: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = reasons[code];
  if (reason !== undefined) return new DataError(`${path}: cannot be written: ${reason}`);
  return code === ""
    ? error
    : new DataError(`${path}: cannot be written (${code}). Choose another folder with --out.`);
}

/** `mkdir -p`. Node's own never returns where the system answers ENOENT for a folder whose parent exists (/proc). */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path);
  }
}

/**
 * A folder that results are written to. A file appears whole or not at all: it is written under a temporary name
 * beside its place and then renamed.
 */
export class OutputDirectory {
  readonly path: string;
  readonly #temporaryFiles = new Set<string>();

  constructor(path: string) {
    this.path = path;
  }

  /** Makes the folder if there is none, and fails early where nothing can be written. */
  async prepare(): Promise<void> {
    const probe = join(this.path, `.onnx-saliency-${process.pid}`);
    try {
      await makeFolder(this.path);
      await writeFile(probe, "");
      await rm(probe);
    } catch (error) {
      throw writeError(this.path, error);
    }
  }

  /**
   * Writes one file and returns its path.
   * @param content the bytes, or a function that writes them to the path it is given.
   * @throws {DataError} where the disk is full, or the folder cannot be written to.
   */
  async write(
    name: string,
    content: Uint8Array | string | ((path: string) => Promise<void>),
  ): Promise<string> {
    const path = join(this.path, name);
    // The ending stays, because image writers choose the format by it.
    const temporary = join(this.path, `.partial-${process.pid}-${name}`);
    this.#temporaryFiles.add(temporary);
    try {
      if (typeof content === "function") await content(temporary);
      else await writeFile(temporary, content);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw writeError(path, error);
    } finally {
      this.#temporaryFiles.delete(temporary);
    }
    return path;
  }

  /** Removes what is half-written, at once: for a process that is about to end. */
  discard(): void {
    for (const file of this.#temporaryFiles) rmSync(file, { force: true });
    this.#temporaryFiles.clear();
  }
}
