import { readFileSync } from "node:fs";
import { ParameterError } from "../errors.ts";
import { openDataset } from "../datasets/open-dataset-node.ts";
import { parseParams } from "../methods/parameters.ts";
import { metricByName } from "../metrics/index.ts";
import { baselineMethods } from "./baseline-methods.ts";
import type { Configuration, ConfiguredRow } from "./configuration.ts";
import { configureModels } from "./configure-model.ts";
import { datasetIdentity } from "./evaluation-plan.ts";
import { rowMethod, textHash } from "./open-bench.ts";

/** What a run is asked for, before anything was looked at. */
export interface EvaluationRequest {
  readonly models: readonly {
    readonly path: string;
    readonly name?: string;
    /** Takes the target layer before its last activation, as the paper does in DenseNet201. */
    readonly tap?: "before-activation";
  }[];
  /** Ids of methods, or `NAME=PATTERN` for maps that another program saved. */
  readonly methods: readonly {
    readonly name: string;
    readonly params?: Readonly<Record<string, unknown>>;
    readonly label?: string;
  }[];
  readonly savedMaps?: readonly { readonly label: string; readonly pattern: string }[];
  readonly metrics: readonly { readonly name: string; readonly params?: Readonly<Record<string, unknown>> }[];
  readonly dataset: string;
  readonly classMap?: string;
  readonly preprocess?: string;
  readonly resize?: "stretch" | "crop" | "letterbox";
  readonly layer?: string;
  /** Values of further inputs, each `NAME=VALUE` or `NAME=FILE.npy`; of several models each takes those that it has. */
  readonly feeds?: readonly string[];
  /** The value with the class scores, if it is not found. */
  readonly output?: string;
  /** Height and width, for a network that takes any. */
  readonly size?: readonly [height: number, width: number];
  /** Default: `annotated` for coco and mosaic, else `predicted`. */
  readonly target?: Configuration["target"];
  /** Default: 0.5 for coco (the paper), 0 for mosaics, whose cells halve every probability. */
  readonly threshold?: number;
  readonly limit?: number;
  readonly seed?: number;
  readonly saveMaps?: boolean;
  /** True (default): a random map and a centre map are rows of every table. */
  readonly baselines?: boolean;
}

/** Checks a request, fills in the defaults, and hashes models and image list: a configuration that can be saved. */
export async function configure(request: EvaluationRequest): Promise<Configuration> {
  const seed = request.seed ?? 0;
  const dataset = openDataset(request.dataset, seed);
  const models = await configureModels(request);
  const isAnnotated = dataset.kind === "coco" || dataset.kind === "mosaic";
  return {
    models,
    rows: configureRows(request),
    metrics: request.metrics.map(({ name, params }) => {
      const metric = metricByName(name);
      return { label: name, metric: name, params: parseParams(metric, params ?? {}) };
    }),
    dataset: request.dataset,
    images: datasetIdentity(dataset),
    ...(request.classMap !== undefined && {
      classMap: { path: request.classMap, sha256: textHash(readFileSync(request.classMap, "utf8")) },
    }),
    target: request.target ?? (isAnnotated ? "annotated" : "predicted"),
    threshold: request.threshold ?? (dataset.kind === "coco" ? 0.5 : 0),
    ...(request.limit !== undefined && { limit: request.limit }),
    seed,
    saveMaps: request.saveMaps === true,
  };
}

function configureRows(request: EvaluationRequest): ConfiguredRow[] {
  const rows: ConfiguredRow[] = request.methods.map(({ name, params, label }) => {
    const method = rowMethod(name);
    return { label: label ?? name, kind: "method", method: name, params: parseParams(method, params ?? {}) };
  });
  for (const { label, pattern } of request.savedMaps ?? []) rows.push({ label, kind: "saved", pattern });
  if (request.baselines !== false) {
    for (const { name } of baselineMethods) {
      if (!rows.some((row) => row.label === name))
        rows.push({ label: name, kind: "method", method: name, params: {} });
    }
  }
  const labels = rows.map((row) => row.label);
  const twice = labels.find((label, index) => labels.indexOf(label) !== index);
  if (twice !== undefined)
    throw new ParameterError(`method: expected each row once, got '${twice}' twice. Give one another name.`);
  return rows;
}
