import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { ParameterError } from "../errors.ts";
import { openDataset } from "../datasets/open-dataset-node.ts";
import { parseParams } from "../methods/parameters.ts";
import { metricByName } from "../metrics/index.ts";
import { loadModel } from "../node.ts";
import { hashModelFiles, readModelFile } from "../runtime/model-file-node.ts";
import { findPreprocess } from "../runtime/find-preprocess-node.ts";
import { readPreprocess } from "../runtime/sidecar-node.ts";
import { baselineMethods } from "./baseline-methods.ts";
import type { Configuration, ConfiguredModel, ConfiguredRow } from "./configuration.ts";
import { datasetIdentity } from "./evaluation-plan.ts";
import { localModel } from "./local-model.ts";
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
  const models: ConfiguredModel[] = [];
  for (const { path, name, tap } of request.models) {
    const local = await localModel(path);
    const layer = tap === undefined ? request.layer : await tappedLayerOf(local, tap);
    const unique = name ?? basename(path).replace(/\.onnx$/, "");
    models.push({
      name: models.some((model) => model.name === unique) ? `${unique}-${models.length + 1}` : unique,
      path,
      sha256: await hashModelFiles(readModelFile(local)),
      preprocess: resolvePreprocess(local, request),
      ...(layer !== undefined && { layer }),
    });
  }
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

/** What is asked for, else what is found for the model, as `explain` does; with the resize that is asked for. */
function resolvePreprocess(
  path: string,
  { preprocess, resize }: EvaluationRequest,
): ConfiguredModel["preprocess"] {
  const found = preprocess === undefined ? findPreprocess(path).preprocess : readPreprocess(preprocess);
  const { mean, std, channelOrder } = found.normalization;
  return {
    resize: { ...found.resize, ...(resize !== undefined && { mode: resize }) },
    normalization: { mean: [...mean], std: [...std], channelOrder },
  };
}

async function tappedLayerOf(path: string, tap: "before-activation"): Promise<string> {
  const model = await loadModel(path);
  try {
    return model.tappedLayer(tap).name;
  } finally {
    await model.close();
  }
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
