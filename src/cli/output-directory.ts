import { rmSync, statSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeError } from "../write-error.ts";

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
