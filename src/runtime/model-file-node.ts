import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, readSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ModelError } from "../errors.ts";
import type { ByteSource } from "../onnx/byte-source.ts";
import type { ModelFile, OnnxModel } from "../onnx/model.ts";
import { readModelFrom } from "../onnx/read.ts";

export interface ReadModelFileOptions {
  /** What to do where a data file that the model names is not beside it. Default `error`; `inspect` can do without. */
  readonly missingData?: "error" | "ignore";
}

/**
 * Reads a model from disk. Only its small fields are read; weights stay in the file and in the data files beside it,
 * whatever their size.
 *
 * @throws ModelError if the file or a data file is missing, damaged or not ONNX
 * @example
 * const model = readModelFile("resnet50.onnx");
 */
export function readModelFile(path: string, options: ReadModelFileOptions = {}): OnnxModel {
  const file = diskFile(path, basename(path));
  return readModelFrom(file, (locations) =>
    locations.flatMap((location) => {
      const dataPath = join(dirname(path), location);
      const isMissing = statSync(dataPath, { throwIfNoEntry: false }) === undefined;
      if (isMissing && options.missingData === "ignore") return [];
      if (isMissing) {
        throw new ModelError(
          `its weights are in '${location}', expected at ${dataPath}, got no such file. ` +
            "Put it beside the model under that name (exporters write the two together).",
        );
      }
      return [diskFile(dataPath, location)];
    }),
  );
}

/**
 * The SHA-256 (hex) of a model: of its file followed by its data files, as `cat model.onnx weights.bin | sha256sum`
 * gives it. Streamed, so files of any size take a megabyte of memory.
 */
export async function hashModelFiles(model: Pick<OnnxModel, "files">): Promise<string> {
  const hash = createHash("sha256");
  for (const { source } of model.files) {
    if (source instanceof Uint8Array) hash.update(source);
    else
      for await (const chunk of createReadStream(source.path, { highWaterMark: 1 << 20 }))
        hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}

function diskFile(path: string, location: string): ModelFile {
  return { location, source: { path }, bytes: fileSource(path) };
}

/** A source over a file on disk. It is opened for each read, so nothing needs closing. */
export function fileSource(path: string): ByteSource {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined)
    throw new ModelError(`${path}: expected a model file, got no such file. Check the path.`);
  if (!stats.isFile()) {
    throw new ModelError(`${path}: expected a model file, got a folder. Give the .onnx file inside it.`);
  }
  return {
    size: stats.size,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      const descriptor = openSync(path, "r");
      try {
        for (let done = 0; done < length;) {
          const count = readSync(descriptor, bytes, done, Math.min(length - done, 1 << 30), offset + done);
          if (count === 0)
            throw new ModelError(
              `${path}: expected ${length} bytes at ${offset}, got ${done}. The file has changed; read it again.`,
            );
          done += count;
        }
      } finally {
        closeSync(descriptor);
      }
      return bytes;
    },
  };
}
