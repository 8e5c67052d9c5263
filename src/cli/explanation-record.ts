import { basename } from "node:path";
import pc from "picocolors";
import type { ExplanationRecord } from "../methods/explain.ts";
import type { NodeModel } from "../node.ts";
import type { MapEvaluation } from "./map-evaluation.ts";
import { installedVersion, packageVersion } from "./package-version.ts";

/** Where the results of one map are. */
export interface ResultFiles {
  readonly picture: string;
  readonly map: string;
  readonly record: string;
  /** Folder of the intermediate maps, and the same as an animated WebP. */
  readonly frames?: string;
  readonly animation?: string;
  /** The loss history. */
  readonly plot?: { readonly svg: string; readonly png: string };
}

/** A method's record with what was measured of its map. */
export interface MeasuredRecord extends ExplanationRecord {
  readonly evaluation?: MapEvaluation;
}

/** The record beside a map: how it came about, and all that it takes to make it again. */
export interface FileRecord extends MeasuredRecord {
  readonly image: string;
  readonly model: {
    readonly file: string;
    readonly sha256: string;
    readonly opset: number;
    readonly producer: string;
  };
  readonly preprocessing: NodeModel["preprocess"] & { readonly source: string };
  readonly versions: Readonly<Record<string, string>>;
  readonly files: ResultFiles;
}

/** Adds to a method's record what the command line knows: image, model, preprocessing, versions, files. `isArray`: no preprocessing was done. */
export function completeRecord(
  model: Pick<NodeModel, "description" | "preprocess">,
  image: string,
  record: MeasuredRecord,
  files: ResultFiles,
  isArray = false,
): FileRecord {
  const { file, sha256, opset, producer, preprocessSource } = model.description;
  return {
    image,
    model: { file, sha256, opset, producer },
    ...record,
    preprocessing: {
      ...model.preprocess,
      source: isArray ? "none: the array is the network's input" : preprocessSource,
    },
    versions: {
      "onnx-saliency": packageVersion(),
      "onnxruntime-node": installedVersion("onnxruntime-node") ?? "unknown",
      node: process.versions.node,
    },
    files,
  };
}

/** What a person reads about the maps of one image and class. */
export function summarize(
  image: string,
  records: readonly MeasuredRecord[],
  picture: string,
): readonly string[] {
  const [first] = records;
  if (first === undefined) return [];
  const name = ({ label, index }: { readonly label?: string; readonly index: number }): string =>
    label === undefined ? `class ${index}` : `${label} (${index})`;
  const { target, score } = first;
  const [probability, logit] =
    target.minus === undefined ? ["probability", "logit"] : ["difference of probabilities", "of logits"];
  const against = target.minus === undefined ? "" : ` against ${name(target.minus)}`;
  const methods = records.flatMap(({ method, layer, elapsedMs, degenerate, unfinished, evaluation }) => [
    `  ${method}${layer === undefined ? "" : ` at ${layer}`}, ${(elapsedMs / 1000).toFixed(2)} s`,
    ...(evaluation === undefined
      ? []
      : [
          `    deletion ${formatPercent(evaluation.deletion.auc)} (lower is better), insertion ${formatPercent(evaluation.insertion.auc)} (higher is better)`,
        ]),
    ...(degenerate === undefined ? [] : [`    ${pc.yellow("note:")} ${degenerate.message}`]),
    ...(unfinished === undefined
      ? []
      : [`    ${pc.yellow("note:")} stopped after ${unfinished.done} of ${unfinished.total}`]),
  ]);
  return [
    `${pc.bold(image === "-" ? "standard input" : basename(image))}: ${pc.bold(name(target))}${against}, ${probability} ${formatNumber(score.probability)}, ${logit} ${formatNumber(score.logit)}`,
    ...methods,
    ...new Set(records.flatMap(({ notes = [] }) => notes.map((note) => `    ${pc.yellow("note:")} ${note}`))),
    `  ${pc.dim("wrote")} ${picture} ${pc.dim("and .npy, .json")}`,
  ];
}

function formatNumber(value: number): string {
  return Number(value.toPrecision(4)).toString();
}

function formatPercent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
