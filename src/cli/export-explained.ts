import { statSync } from "node:fs";
import type { ExplainedMethod } from "../methods/explained-model/explained-methods.ts";
import { explainedModel, type ExplainedModel } from "../methods/explained-model/explained-model.ts";
import type { Graph, ValueInfo } from "../graph/graph.ts";
import { loadModel, type LoadModelOptions, type NodeModel } from "../node.ts";
import { withFixedInputs } from "../runtime/further-inputs.ts";
import { compareExport, type ExportCheck } from "./compare-export.ts";
import { writeModelFile } from "../runtime/write-model-node.ts";
import type { AnyTensor } from "../tensor/tensor.ts";

/** What to export, and where to. */
export interface ExportRequest {
  readonly path: string;
  readonly out: string;
  readonly method: ExplainedMethod;
  readonly layer?: string;
  /** Points on the path of integrated gradients. */
  readonly steps: number;
  readonly preprocess?: string;
  /** Which input, output and size of the network, as for `loadModel`. Further inputs are fixed in the file. */
  readonly network?: Pick<LoadModelOptions, "feeds" | "output" | "size">;
  /** Whether the written file is run and compared. */
  readonly isChecked: boolean;
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface ExportReport {
  readonly files: readonly string[];
  readonly bytes: number;
  readonly method: ExplainedMethod;
  readonly layer?: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly preprocessing: NodeModel["preprocess"] & { readonly source: string };
  readonly notes: readonly string[];
  readonly check?: ExportCheck;
}

/**
 * Writes a model with a method built in, see {@link explainedModel}, and compares it with both.
 * @throws ModelError if the model cannot be read or explained; UnsupportedOpError for an operator without a gradient
 */
export async function exportExplained(request: ExportRequest): Promise<ExportReport> {
  const { path, out, method, steps, layer, preprocess } = request;
  const model = await loadModel(path, {
    ...(layer !== undefined && { layer }),
    ...(preprocess !== undefined && { preprocess }),
    ...request.network,
  });
  try {
    const { network, onnx, normalization, description } = model;
    const feeds = request.network?.feeds ?? {};
    const declared = withFixedInputs(onnx.graph, feeds);
    const target = method.includes("cam") ? model.defaultLayer : undefined;
    const preprocessing = { ...model.preprocess, source: description.preprocessSource };
    const facts = { method, ...(target !== undefined && { layer: target.name }), preprocessing };
    const write = async (
      forward: "shared" | "separate",
    ): Promise<{ readonly built: ExplainedModel; readonly files: readonly string[] }> => {
      const built = explainedModel({
        network,
        declared,
        declaredOpset: onnx.opsets.get("") ?? 0,
        method,
        layer: target,
        normalization,
        steps,
        forward,
      });
      const files = await writeModelFile(out, {
        ...onnx,
        graph: built.graph,
        opsets: new Map(onnx.opsets).set("", built.opset),
        irVersion: Math.max(8, onnx.irVersion),
        metadata: new Map([...onnx.metadata, ["onnx-saliency", JSON.stringify(facts)]]),
      });
      return { built, files };
    };
    const compared = { ...request, further: constantsOf(declared, Object.keys(feeds)) };
    // One forward pass for scores and map where that leaves the scores alone; it depends on what the runtime fuses.
    let { built, files } = await write("shared");
    let check = request.isChecked ? await compareExport(model, built, compared) : undefined;
    const mayDiffer = check === undefined || typeof check.outputs === "number";
    if (mayDiffer) {
      ({ built, files } = await write("separate"));
      check = request.isChecked ? await compareExport(model, built, compared) : undefined;
    }
    return {
      files,
      bytes: files.reduce((sum, file) => sum + statSync(file).size, 0),
      ...facts,
      inputs: built.graph.inputs,
      outputs: built.graph.outputs,
      notes: [...(model.notes ?? []), ...changedTypes(model, built)],
      ...(check !== undefined && { check }),
    };
  } finally {
    await model.close();
  }
}

/** The values of further inputs, in the type and shape that the file wants for one image. */
function constantsOf({ initializers }: Graph, names: readonly string[]): Readonly<Record<string, AnyTensor>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const { data } = initializers.get(`${name}/value`) ?? initializers.get(name) ?? {};
      return data?.kind === "memory" ? [[name, data.tensor] as const] : [];
    }),
  );
}

/** Outputs that are computed in another precision than the file declares. */
function changedTypes({ onnx }: NodeModel, { graph }: ExplainedModel): readonly string[] {
  return onnx.graph.outputs.flatMap(({ name, type }) => {
    const found = graph.outputs.find((output) => output.name === name);
    if (found === undefined)
      return [`Output '${name}' is not in the file: it is no tensor that can be followed.`];
    return found.type === type ? [] : [`Output '${name}' is ${found.type}; in the model it is ${type}.`];
  });
}

function describeOutputs(outputs: ExportCheck["outputs"]): string {
  if (outputs === "same") return "the model's outputs are the same bit for bit";
  return outputs === "not-comparable"
    ? "ONNX Runtime does not run the model itself, so its outputs cannot be compared"
    : `the model's outputs differ by ${outputs.toExponential(1)} of their largest value`;
}

/** The report for a terminal. */
export async function formatExport(report: ExportReport): Promise<string> {
  const { formatText } = await import("./table.ts");
  const { default: pc } = await import("picocolors");
  const declared = (values: readonly ValueInfo[]): string =>
    values.map(({ name, type, dims }) => `${name} ${type} [${dims?.join(", ") ?? "unknown"}]`).join("\n");
  const { check, preprocessing } = report;
  const facts: readonly (readonly [string, string])[] = [
    ["wrote", report.files.join("\n")],
    ["size", `${(report.bytes / 1e6).toFixed(1)} MB`],
    ["method", `${report.method}${report.layer === undefined ? "" : ` at ${report.layer}`}`],
    ["inputs", declared(report.inputs)],
    ["outputs", declared(report.outputs)],
    ["preprocessing", `as for the model (from: ${preprocessing.source}); the file does none`],
    [
      "checked",
      check === undefined
        ? "no"
        : [
            describeOutputs(check.outputs),
            `the map differs from ${report.method}'s by ${check.map.toExponential(1)} of its largest value`,
          ].join("\n"),
    ],
    ...report.notes.map((note) => ["note", note] as const),
  ];
  const rows = facts.flatMap(([name, value]) =>
    value.split("\n").map((line, index) => [index === 0 ? pc.bold(name) : "", line]),
  );
  // A table without its header and rule.
  return formatText({ header: ["", ""], rows })
    .split("\n")
    .slice(2)
    .join("\n");
}
