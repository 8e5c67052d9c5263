import { statSync } from "node:fs";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { ModelError } from "../errors.ts";
import { explain } from "../methods/explain.ts";
import type { ExplainedMethod } from "../methods/explained-model/explained-methods.ts";
import { explainedModel, type ExplainedModel } from "../methods/explained-model/explained-model.ts";
import type { ValueInfo } from "../graph/graph.ts";
import { loadModel, type NodeModel } from "../node.ts";
import { mersenneStream } from "../random/random-stream.ts";
import { writeModelFile } from "../runtime/write-model-node.ts";
import { tensor, type Tensor } from "../tensor/tensor.ts";

/** What to export, and where to. */
export interface ExportRequest {
  readonly path: string;
  readonly out: string;
  readonly method: ExplainedMethod;
  readonly layer?: string;
  /** Points on the path of integrated gradients. */
  readonly steps: number;
  readonly preprocess?: string;
  readonly output?: string;
  /** Whether the written file is run and compared. */
  readonly isChecked: boolean;
  readonly signal?: AbortSignal;
}

/** How the written file compares with the model and the method, on an image of noise. */
export interface ExportCheck {
  /** True if all outputs of the model are the same bit for bit; else how far they are apart, over their largest value. */
  readonly outputs: true | number;
  /** Largest difference of the map from the method's own, over the map's largest value. */
  readonly map: number;
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
  const { path, out, method, steps, layer, preprocess, output } = request;
  const model = await loadModel(path, {
    ...(layer !== undefined && { layer }),
    ...(preprocess !== undefined && { preprocess }),
    ...(output !== undefined && { output }),
  });
  try {
    const { network, onnx, normalization, description } = model;
    const target = method.includes("cam") ? model.defaultLayer : undefined;
    const preprocessing = { ...model.preprocess, source: description.preprocessSource };
    const facts = { method, ...(target !== undefined && { layer: target.name }), preprocessing };
    const write = async (
      forward: "shared" | "separate",
    ): Promise<{ readonly built: ExplainedModel; readonly files: readonly string[] }> => {
      const built = explainedModel({
        network,
        declared: onnx.graph,
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
    // One forward pass for scores and map where that leaves the scores alone; it depends on what the runtime fuses.
    let { built, files } = await write("shared");
    let check = request.isChecked ? await compare(model, built, request) : undefined;
    if (check?.outputs !== true) {
      ({ built, files } = await write("separate"));
      check = request.isChecked ? await compare(model, built, request) : undefined;
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

/** Outputs that are computed in another precision than the file declares. */
function changedTypes({ onnx }: NodeModel, { graph }: ExplainedModel): readonly string[] {
  return onnx.graph.outputs.flatMap(({ name, type }) => {
    const found = graph.outputs.find((output) => output.name === name);
    if (found === undefined)
      return [`Output '${name}' is not in the file: it is no tensor that can be followed.`];
    return found.type === type ? [] : [`Output '${name}' is ${found.type}; in the model it is ${type}.`];
  });
}

/** Runs both files as any program would, on noise, and the method on the same. */
async function compare(
  model: NodeModel,
  built: ExplainedModel,
  { path, out, method, steps, signal }: ExportRequest,
): Promise<ExportCheck | undefined> {
  const declared = built.graph.inputs.find(({ name }) => name === model.network.input.name);
  const feed = declared && noise(declared);
  if (feed === undefined) return undefined;
  const { channels, height, width } = model;
  const input = asImage(feed, [channels, height, width], model.network.input.layout);
  const options = { intraOpNumThreads: 1, logSeverityLevel: 3 } as const;
  const own = await InferenceSession.create(path, options);
  const written = await InferenceSession.create(out, options);
  try {
    const name = model.network.input.name;
    const target = new OrtTensor("int64", new BigInt64Array(feed.dims[0] ?? 1).fill(-1n), [
      feed.dims[0] ?? 1,
    ]);
    const found = await written.run({ [name]: feed, [built.target]: target });
    const map = found[built.map];
    const explained = found[built.explainedClass];
    if (map === undefined || explained === undefined) {
      throw new ModelError(
        `${out}: expected the outputs '${built.map}' and '${built.explainedClass}', got others.`,
      );
    }
    const params = method === "integrated-gradients" ? { steps } : {};
    const expected = await explain({
      model,
      input,
      method,
      params,
      target: Number(explained.data[0]),
      ...(signal !== undefined && { signal }),
    });
    const values = (map.data as Float32Array).subarray(0, height * width);
    return {
      outputs: await outputDifference(own, { [name]: feed }, found),
      map: difference(values, expected.map.values),
    };
  } finally {
    await own.release();
    await written.release();
  }
}

async function outputDifference(
  own: InferenceSession,
  feeds: Record<string, OrtTensor>,
  found: InferenceSession.OnnxValueMapType,
): Promise<true | number> {
  const expected = await own.run(feeds);
  const common = Object.entries(expected).filter(([name]) => found[name]?.type === expected[name]?.type);
  let most = 0;
  for (const [name, { data }] of common) {
    const other = found[name]?.data as ArrayLike<number> | undefined;
    if (other !== undefined) most = Math.max(most, difference(other, data as ArrayLike<number>));
  }
  return most === 0 ? true : most;
}

/** Largest difference over the largest magnitude; exactly 0 only where all are equal. */
function difference(actual: ArrayLike<number | bigint>, expected: ArrayLike<number | bigint>): number {
  let [most, scale] = [actual.length === expected.length ? 0 : Infinity, Number.MIN_VALUE];
  for (let index = 0; index < expected.length; index++) {
    const [a, b] = [Number(actual[index]), Number(expected[index])];
    if (!Object.is(a, b)) most = Math.max(most, Number.isNaN(a - b) ? Infinity : Math.abs(a - b));
    if (Number.isFinite(b)) scale = Math.max(scale, Math.abs(b));
  }
  return most / scale;
}

/** Noise of an input's type and shape, one image if the batch is free; `undefined` for types that are not made here. */
function noise({ type, dims }: ValueInfo): OrtTensor | undefined {
  const shape = (dims ?? []).map((dim) => (typeof dim === "number" ? dim : 1));
  const count = shape.reduce((product, dim) => product * dim, 1);
  const random = mersenneStream(1);
  if (type === "float32") {
    return new OrtTensor(
      "float32",
      Float32Array.from({ length: count }, () => random.normal()),
      shape,
    );
  }
  if (type === "uint8") {
    return new OrtTensor(
      "uint8",
      Uint8Array.from({ length: count }, () => random.integer(256)),
      shape,
    );
  }
  return undefined;
}

/** The first image of a feed, as methods take it: `[1, C, H, W]`. */
function asImage(
  { data }: OrtTensor,
  [channels, height, width]: readonly [number, number, number],
  layout: "NCHW" | "NHWC",
): Tensor {
  const values = data as ArrayLike<number>;
  const area = height * width;
  const at = (index: number): number =>
    layout === "NCHW" ? index : (index % area) * channels + Math.floor(index / area);
  return tensor(
    Float32Array.from({ length: channels * area }, (_, index) => values[at(index)] ?? 0),
    [1, channels, height, width],
  );
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
            check.outputs === true
              ? "the model's outputs are the same bit for bit"
              : `the model's outputs differ by ${check.outputs.toExponential(1)} of their largest value`,
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
