import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { DataError } from "../../errors.ts";
import type { DatasetItem } from "../../datasets/dataset.ts";
import { isUrl } from "../../datasets/fetch-node.ts";
import type { SaliencyMap } from "../../image/saliency-map.ts";
import { configurationSchema, type Configuration } from "../configuration.ts";
import { provenance } from "../provenance.ts";
import type { RunRecord } from "../records.ts";

/** The work of one job: an image of a run, with all its models and rows. */
export interface ImageJob {
  /** Position in the data set. */
  readonly index: number;
  readonly key: string;
  /** Of the file; absent where there is no local file (a composed image, or an address, whose hash is in the list). */
  readonly sha256?: string;
}

/** What a worker returns for a job. */
export interface ImageResult {
  readonly records: readonly RunRecord[];
  /** Maps by the keys of their records, where the run saves maps. */
  readonly maps?: Readonly<Record<string, PackedMap>>;
}

/** A saliency map as text: little-endian float32 in base64. */
export interface PackedMap {
  readonly width: number;
  readonly height: number;
  readonly values: string;
}

/** Tries of a job before its failure is recorded. */
export const attempts = 3;

/** Describes an image for a worker. */
export async function imageJob(index: number, { key, path }: DatasetItem): Promise<ImageJob> {
  const sha256 = await fileHash(path);
  return { index, key, ...(sha256 !== undefined && { sha256 }) };
}

/**
 * Checks that an image is on this machine what it is where the run was started.
 * @throws DataError if it is another, or missing.
 */
export async function checkImage({ index, key, sha256 }: ImageJob, item: DatasetItem): Promise<void> {
  if (item.key !== key) {
    throw new DataError(
      `worker: expected '${key}' as image ${index} of the data set, got '${item.key}'. Give this machine the same images.`,
    );
  }
  if (sha256 === undefined) return;
  const found = await fileHash(item.path);
  if (found !== sha256) {
    throw new DataError(
      `worker: expected '${key}' with SHA-256 ${sha256.slice(0, 12)}, got ${found?.slice(0, 12) ?? "no file"}. Give this machine the same images.`,
    );
  }
}

async function fileHash(path: string | undefined): Promise<string | undefined> {
  if (path === undefined || isUrl(path)) return undefined;
  try {
    return createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  } catch {
    return undefined;
  }
}

export function packMap({ width, height, values }: SaliencyMap): PackedMap {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeFloatLE(value, 4 * index));
  return { width, height, values: bytes.toString("base64") };
}

export function unpackMap({ width, height, values }: PackedMap): SaliencyMap {
  const bytes = Buffer.from(values, "base64");
  return {
    width,
    height,
    values: Float32Array.from({ length: width * height }, (_, i) => bytes.readFloatLE(4 * i)),
  };
}

/** A configuration as it is announced, with the version that understands it. */
export function packConfiguration(configuration: Configuration): string {
  return JSON.stringify({ version: ownVersion(), configuration });
}

/** @throws DataError if it comes from another version, whose records would not go together with ours. */
export function unpackConfiguration(text: string): Configuration {
  const { version, configuration } = JSON.parse(text) as {
    readonly version?: unknown;
    readonly configuration?: unknown;
  };
  if (version !== ownVersion()) {
    throw new DataError(
      `worker: expected a run of onnx-saliency ${ownVersion()}, got one of ${String(version)}. Install the same version on all machines.`,
    );
  }
  return configurationSchema.parse(configuration);
}

function ownVersion(): string {
  return provenance([]).versions["onnx-saliency"] ?? "unknown";
}
