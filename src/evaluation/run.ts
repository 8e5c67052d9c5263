import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { throwIfAborted } from "../errors.ts";
import { writeError } from "../write-error.ts";
import type { Dataset } from "../datasets/dataset.ts";
import type { SaliencyMap } from "../image/saliency-map.ts";
import { writeNpy } from "../tensor/npy.ts";
import { evaluateImage, type Bench } from "./evaluate-image.ts";
import { openJournal } from "./journal.ts";
import { openRecordWriter, type MapRecord, type RunRecord } from "./records.ts";
import { writeWhole } from "./run-folder.ts";

/** What a pass over images reports. */
export interface RunObserver {
  onRecord?(record: RunRecord): void;
  /** After every image, whether it had anything to do or not. */
  onImage?(index: number): void;
}

export interface RunPass {
  /** Folder of the run; `run.json` is there already. */
  readonly folder: string;
  /** File of records that this process appends to. */
  readonly recordsFile: string;
  readonly bench: Bench;
  readonly dataset: Dataset;
  readonly saveMaps: boolean;
  readonly retryFailures?: boolean;
  readonly observer?: RunObserver;
  readonly signal?: AbortSignal | undefined;
}

/** Something that evaluates images of a run one after the other. */
export interface ImageRunner {
  run(index: number): Promise<void>;
  close(): void;
}

/** Reads what is done already and opens the file of records. */
export async function openImageRunner(pass: RunPass): Promise<ImageRunner> {
  const { bench, dataset, folder, observer, signal } = pass;
  const writer = openRecordWriter(join(folder, pass.recordsFile));
  const journal = await openJournal(folder, {
    writer,
    ...(pass.retryFailures === true && { retryFailures: true }),
    ...(observer?.onRecord && { onRecord: (record) => observer.onRecord?.(record) }),
    ...(pass.saveMaps && { onMap: (map: SaliencyMap, record: MapRecord) => saveMap(folder, map, record) }),
  });
  return {
    async run(index) {
      throwIfAborted(signal);
      await evaluateImage(bench, dataset.item(index), journal, signal);
      observer?.onImage?.(index);
    },
    close: () => writer.close(),
  };
}

/** Evaluates images in this process. */
export async function runImages(pass: RunPass, indices: readonly number[]): Promise<void> {
  const runner = await openImageRunner(pass);
  try {
    for (const index of indices) await runner.run(index);
  } finally {
    runner.close();
  }
}

/** Where `--save-maps` puts a map, relative to the run: `maps/MODEL/ROW/IMAGE.TARGET.npy`. */
export function savedMapFile({
  model,
  row,
  image,
  target,
}: Pick<MapRecord, "model" | "row" | "image" | "target">): string {
  // Keys are relative paths of images: harmless but for climbing out of the folder.
  const safe = image
    .split("/")
    .filter((part) => part !== ".." && part !== "")
    .join("/");
  return join("maps", model, row, `${safe}.${target.index}.npy`);
}

/** Writes a map where {@link savedMapFile} says. */
export function saveMap(folder: string, map: SaliencyMap, record: MapRecord): void {
  const path = join(folder, savedMapFile(record));
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    throw writeError(path, error);
  }
  writeWhole(path, writeNpy({ type: "float32", dims: [map.height, map.width], data: map.values }));
}
