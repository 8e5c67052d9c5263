import { existsSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../errors.ts";
import type { EvaluationRequest } from "./configure.ts";
import { rowMethod } from "./open-bench.ts";

export const experiments = ["table1", "table2", "table3", "figure4", "figure5"] as const;
export type Experiment = (typeof experiments)[number];

export interface ReproduceRequest {
  readonly experiment: Experiment;
  /** Folder that holds `imagenet/` (photographs with their class, see `imagenet:`) and `coco/val2017`, `coco/annotations`. */
  readonly data: string;
  /** Folder of `inception_v3.onnx`, `densenet201.onnx`, `vgg19.onnx` and `resnet50-coco.onnx`, or of folders with `model.onnx`. */
  readonly models: string;
  /** Images instead of the paper's number. */
  readonly limit?: number;
  readonly seed?: number;
}

/** The paper's networks by name. */
const networks = {
  table1: ["inception_v3"],
  table2: ["densenet201", "inception_v3", "vgg19"],
  figure4: ["densenet201", "inception_v3", "vgg19"],
  figure5: ["densenet201"],
  table3: ["resnet50-coco"],
} as const;

const compared = ["grad-cam", "grad-cam-pp", "i-gos", "xrai"] as const;
const rows: Readonly<Record<Experiment, readonly string[]>> = {
  table1: [
    "grad-cam",
    "wgrad-cam",
    "meaningful-perturbation",
    "i-gos",
    "aop:grad-cam+meaningful-perturbation",
    "aop:grad-cam+i-gos",
    "sigcam",
  ],
  table2: [...compared, "sigcam"],
  // On COCO the paper filters at 0.6 and modulates by 0.25.
  table3: [...compared, "sigcam-coco"],
  figure4: [...compared, "sigcam"],
  figure5: [
    "gradient",
    "guided-backprop",
    "input-x-gradient",
    "integrated-gradients",
    "smooth-grad",
    ...compared,
    "sigcam",
  ],
};

/** Images of the paper; all where it is left out. */
const imageCounts: Readonly<Partial<Record<Experiment, number>>> = {
  table1: 5000,
  figure4: 5000,
  figure5: 12,
};

/** The paper's experiment as a request for `evaluate`: its networks, methods, metrics, images and stretched resize. */
export function paperExperiment(request: ReproduceRequest): EvaluationRequest {
  const { experiment, data, models } = request;
  const isPointing = experiment === "table3";
  const limit = request.limit ?? imageCounts[experiment];
  return {
    models: networks[experiment].map((name) => ({
      name,
      path: modelPath(models, name),
      // The paper's target layer there is the batch normalisation before the last ReLU.
      ...(name === "densenet201" && { tap: "before-activation" as const }),
    })),
    methods: rows[experiment].map((name) => ({
      name,
      ...(name === "sigcam-coco" && { label: "sigcam" }),
      // Elsewhere AOP takes fewer gradients.
      ...("preset" in rowMethod(name).params.shape && { params: { preset: "paper" } }),
    })),
    metrics: (isPointing ? ["pointing-game"] : ["deletion", "insertion", "over-all"]).map((name) => ({
      name,
    })),
    dataset: isPointing
      ? `coco:${join(data, "coco/val2017")},${join(data, "coco/annotations/instances_val2017.json")}`
      : `imagenet:${join(data, "imagenet")}`,
    resize: "stretch",
    ...(limit !== undefined && { limit }),
    seed: request.seed ?? 0,
    saveMaps: experiment === "figure5",
  };
}

function modelPath(folder: string, name: string): string {
  const found = [join(folder, `${name}.onnx`), join(folder, name, "model.onnx")].find((path) =>
    existsSync(path),
  );
  if (found !== undefined) return found;
  throw new DataError(
    `models: expected '${join(folder, `${name}.onnx`)}', but there is no such file. docs/reproduce.md tells how to export the paper's networks` +
      `${name === "resnet50-coco" ? " and how to train the COCO classifier with finetune" : ""}.`,
  );
}
