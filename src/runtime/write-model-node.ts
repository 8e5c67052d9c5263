import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ParameterError } from "../errors.ts";
import { writeError } from "../write-error.ts";
import { memorySource } from "../onnx/byte-source.ts";
import { embedWeights, type Segment } from "../onnx/embed.ts";
import type { ModelFile } from "../onnx/model.ts";
import { moveWeights } from "../onnx/move-weights.ts";
import { encode, sizeIn, writeModel, type WritableModel } from "../onnx/write.ts";

export interface WriteModelFileOptions {
  /**
   * Whether weights go to one file beside the model, `NAME.data`. Default `auto`: only for models that would pass 2 GiB,
   * the most that a protobuf message can hold; one file is easier to keep together.
   */
  readonly externalData?: "auto" | "always" | "never";
}

const maxMessageSize = 2 ** 31 - 1;
const chunkSize = 1 << 24;

/**
 * Writes a model that needs no other file, or none but its `.data` file. Weights are copied from file to file in pieces.
 * Nothing is left behind where writing fails: files appear under their names when complete.
 *
 * @returns the paths written, the model's first
 * @throws ParameterError if the model is too large for `externalData: "never"`
 * @example
 * await writeModelFile("model.explained.onnx", { ...model, graph });
 */
export async function writeModelFile(
  path: string,
  model: WritableModel,
  options: WriteModelFileOptions = {},
): Promise<readonly string[]> {
  const { bytes, used } = encode(model);
  const sources = new Map(used.map((file) => [file.location, file]));
  const embedded = embedWeights(bytes, "all", sizeIn(used));
  const isTooLarge = embedded.length > maxMessageSize;
  const choice = options.externalData ?? "auto";
  if (choice === "never" && isTooLarge) {
    throw new ParameterError(
      `externalData: a model of ${embedded.length} bytes does not fit in one file (limit 2 GiB); use "auto".`,
    );
  }
  if (choice === "never" || (choice === "auto" && !isTooLarge)) {
    await writeFiles([{ path, segments: embedded.segments }], sources);
    return [path];
  }
  const dataPath = `${path}.data`;
  const moved = moveWeights(writeModel(model).bytes, basename(dataPath), sizeIn(used));
  const files = [
    { path: dataPath, segments: moved.segments },
    { path, segments: [moved.model] },
  ];
  await writeFiles(files, sources);
  return [path, dataPath];
}

async function writeFiles(
  files: readonly { readonly path: string; readonly segments: readonly Segment[] }[],
  sources: ReadonlyMap<string, ModelFile>,
): Promise<void> {
  const temporary = files.map(({ path }) => join(dirname(path), `.${basename(path)}.${process.pid}.tmp`));
  try {
    for (const [index, { segments }] of files.entries()) {
      const handle = await open(temporary[index] ?? "", "w");
      try {
        for (const segment of segments) await writeSegment(handle, segment, sources);
      } finally {
        await handle.close();
      }
    }
    for (const [index, { path }] of files.entries()) await rename(temporary[index] ?? "", path);
  } catch (error) {
    for (const name of temporary) await rm(name, { force: true });
    throw writeError(files.at(-1)?.path ?? "", error);
  }
}

async function writeSegment(
  handle: FileHandle,
  segment: Segment,
  sources: ReadonlyMap<string, ModelFile>,
): Promise<void> {
  const isBytes = segment instanceof Uint8Array;
  const source = isBytes ? memorySource(segment) : sources.get(segment.location)?.bytes;
  const start = isBytes ? 0 : segment.offset;
  const end = start + segment.length;
  for (let offset = start; offset < end; offset += chunkSize) {
    const chunk = source?.read(offset, Math.min(chunkSize, end - offset));
    if (chunk !== undefined) await handle.writeFile(chunk);
  }
}
