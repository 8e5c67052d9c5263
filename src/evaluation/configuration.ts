import { createHash } from "node:crypto";
import { z } from "zod";
import { resizeFilters } from "../image/resample-taps.ts";
import type { Preprocess } from "../image/preprocess.ts";

const params = z.record(z.string(), z.unknown());

const feed = z.union([
  z.strictObject({ name: z.string(), value: z.string() }),
  /** An array file; the path is not part of the identity. */
  z.strictObject({ name: z.string(), path: z.string(), sha256: z.string() }),
]);

const model = z.strictObject({
  /** What records and tables call the model. */
  name: z.string(),
  /** Path or URL; not part of the identity, so that a run can move between machines. */
  path: z.string(),
  sha256: z.string(),
  /** Complete: what was beside the model when the run was started, with the resize that was asked for. */
  preprocess: z.strictObject({
    resize: z.strictObject({
      mode: z.enum(["stretch", "crop", "letterbox"]),
      filter: z.enum(resizeFilters),
      antialias: z.boolean(),
      cropFraction: z.number(),
      size: z.union([z.int(), z.tuple([z.int(), z.int()])]).optional(),
    }),
    normalization: z.strictObject({
      mean: z.array(z.number()),
      std: z.array(z.number()),
      channelOrder: z.enum(["RGB", "BGR", "gray"]),
    }),
  }),
  /** Where the preprocessing comes from, and why it was chosen where nothing states it; says nothing about the numbers. */
  preprocessSource: z.string().optional(),
  layer: z.string().optional(),
  /** The value with the class scores, where it was named. */
  output: z.string().optional(),
  /** Of a network that takes any, where it was given. */
  size: z.tuple([z.int(), z.int()]).optional(),
  /** Fixed values of further inputs. */
  feeds: z.array(feed).optional(),
});

const row = z.union([
  z.strictObject({
    /** What records and tables call it. */
    label: z.string(),
    kind: z.literal("method"),
    /** Id in the table of methods, or of one of the two baselines, `random` and `center`. */
    method: z.string(),
    params,
  }),
  z.strictObject({
    label: z.string(),
    kind: z.literal("saved"),
    /** Path of a map with `{stem}`, `{key}`, `{target}` and `{model}` in it. */
    pattern: z.string(),
  }),
]);

/** Everything that decides what a run's records say. Saved in `run.json`; a run is resumed only with the same. */
export const configurationSchema = z.strictObject({
  models: z.array(model).min(1),
  rows: z.array(row).min(1),
  metrics: z.array(z.strictObject({ label: z.string(), metric: z.string(), params })),
  /** Description of the data set, as `openDataset` takes it. */
  dataset: z.string(),
  /** Number of images in the data set and a digest of their keys: other images are another run. */
  images: z.strictObject({ count: z.int(), sha256: z.string() }),
  classMap: z.strictObject({ path: z.string(), sha256: z.string() }).optional(),
  /** `predicted`: the class the network ranks first; `label`: the data set's; `annotated`: each annotated category. */
  target: z.enum(["predicted", "label", "annotated"]),
  /** Probability above which an annotated category is tried. */
  threshold: z.number(),
  /** The first so many images of a seeded shuffle; `undefined` for all in order. */
  limit: z.int().min(1).optional(),
  seed: z.int(),
  saveMaps: z.boolean(),
});

export type Configuration = z.output<typeof configurationSchema>;
export type ConfiguredModel = Configuration["models"][number];
/** The preprocessing of a configured model, without fields that are `undefined`. */
export function preprocessOf({ preprocess: { resize, normalization } }: ConfiguredModel): Preprocess {
  const { size, ...rest } = resize;
  return { resize: size === undefined ? rest : { ...rest, size }, normalization };
}

/** The value of a further input: as text, or a file with its hash. */
export type ConfiguredFeed = NonNullable<ConfiguredModel["feeds"]>[number];
export type ConfiguredRow = Configuration["rows"][number];

/** The parts of a configuration that must agree; paths may differ from machine to machine. */
function identity(configuration: Configuration): unknown {
  const { models, dataset, classMap, ...rest } = configuration;
  return {
    ...rest,
    models: models.map((model) => ({
      ...model,
      path: undefined,
      preprocessSource: undefined,
      feeds: model.feeds?.map((feed) => ("path" in feed ? { ...feed, path: undefined } : feed)),
    })),
    datasetKind: dataset.split(":")[0],
    ...(classMap === undefined ? {} : { classMap: classMap.sha256 }),
  };
}

/** SHA-256 of what decides the records, over JSON with sorted keys. */
export function configurationHash(configuration: Configuration): string {
  return createHash("sha256")
    .update(canonicalJson(identity(configuration)))
    .digest("hex");
}

/** Lines `path: first -> second` for every difference between two configurations that matters. */
export function configurationDifference(first: Configuration, second: Configuration): readonly string[] {
  const [a, b] = [flatten(identity(first)), flatten(identity(second))];
  return [...new Set([...a.keys(), ...b.keys()])]
    .sort()
    .filter((path) => a.get(path) !== b.get(path))
    .map((path) => `${path}: ${a.get(path) ?? "(absent)"} -> ${b.get(path) ?? "(absent)"}`);
}

function flatten(value: unknown, path = "", into = new Map<string, string>()): ReadonlyMap<string, string> {
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) {
    if (value !== undefined) into.set(path, JSON.stringify(value));
    return into;
  }
  // Lists of named things are compared by name, so that one more method is one line.
  const entries = Array.isArray(value)
    ? value.map((item, index) => [nameOf(item) ?? index, item])
    : Object.entries(value);
  for (const [key, item] of entries)
    flatten(item, path === "" ? String(key) : `${path}.${String(key)}`, into);
  return into;
}

function nameOf(item: unknown): string | undefined {
  if (typeof item !== "object" || item === null) return undefined;
  const { label, name } = item as { label?: unknown; name?: unknown };
  return typeof label === "string" ? label : typeof name === "string" ? name : undefined;
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
