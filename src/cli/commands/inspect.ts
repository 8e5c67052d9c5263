import { Command } from "@commander-js/extra-typings";
import { ExplainError, ParameterError } from "../../errors.ts";
import { spatialDims } from "../../image/extent.ts";
import type { Method } from "../../methods/define-method.ts";
import type { NodeModel } from "../../node.ts";
import type { NetworkReport } from "../../runtime/inspect-network.ts";
import type { Layer } from "../../runtime/model.ts";
import type { CliContext } from "../cli-context.ts";
import { anySizeOption, collect } from "../option-parsers.ts";
import type { PreprocessTrial } from "../inspect-image.ts";

/** Layers listed besides the chosen one. */
const listedLayers = 8;

/** What `inspect --json` prints. */
interface ModelReport extends NetworkReport {
  readonly description: NodeModel["description"];
  readonly preprocess: NodeModel["preprocess"];
  readonly hasLabels: boolean;
  /** What differs from the file and what to know of the numbers. */
  readonly notes: readonly string[];
  /** The target layer, or why there is none. */
  readonly layer: Layer | { readonly problem: string };
  /** Layers that can be named instead, last first. */
  readonly layers: readonly Layer[];
  /** Of each method, why the model does not allow it; absent where it does. */
  readonly methods: readonly { readonly id: string; readonly problem?: string }[];
  /** What the network says of a photograph under each plausible preprocessing (`--image`). */
  readonly trials?: readonly PreprocessTrial[];
}

/** `onnx-saliency inspect`: what goes in, what comes out, what can be explained. */
export function inspectCommand(context: CliContext) {
  return new Command("inspect")
    .description(
      "shows inputs, outputs, where the logits and the target layer are, and which methods the model allows",
    )
    .argument("[MODEL.onnx]", "the classifier (default: the EfficientNet-Lite0 that comes along)")
    .option("-l, --layer <NAME>", "inspect with this target layer")
    .option("-i, --image <PHOTO>", "show the top 5 of a photograph under each plausible preprocessing")
    .option("-o, --out <FILE.png>", "with --image: write a picture of what the network sees under each")
    .option("--feed <NAME=VALUE>", "value of a further input: a number, numbers or a .npy file", collect)
    .option("--output <NAME>", "the value with the class scores (default: found)")
    .option(
      "--size <HxW>",
      "height and width, for a network that takes any (default: 224x224)",
      anySizeOption,
    )
    .option("--json", "print the findings as JSON")
    .option("--verbose", "print the stack of an error")
    .action(async (path, options) => {
      const { loadModel } = await import("../../node.ts");
      const { methods } = await import("../../methods/index.ts");
      const { networkOptions } = await import("../feed-option.ts");
      const model = await loadModel(path, {
        ...(options.layer !== undefined && { layer: options.layer }),
        ...networkOptions(options),
      });
      try {
        const found = await describeModel(model, methods);
        const trials = await tryImage(model, options, context);
        const report = { ...found, ...(trials !== undefined && { trials }) };
        context.print(options.json === true ? JSON.stringify(report) : await formatReport(report));
      } finally {
        await model.close();
      }
    });
}

async function tryImage(
  model: NodeModel,
  { image, out }: { readonly image?: string | undefined; readonly out?: string | undefined },
  context: CliContext,
): Promise<readonly PreprocessTrial[] | undefined> {
  if (image === undefined) {
    if (out === undefined) return undefined;
    throw new ParameterError(
      "--out: expected --image PHOTO with it, got none. The picture shows a photograph.",
    );
  }
  const { tryPreprocessings } = await import("../inspect-image.ts");
  const { trials, picture } = await tryPreprocessings(model, image, { signal: context.signal });
  if (out !== undefined) {
    const { writeImage } = await import("../../node.ts");
    await writeImage(out, picture);
  }
  return trials;
}

async function describeModel(model: NodeModel, methods: readonly Method[]): Promise<ModelReport> {
  const { inspectNetwork } = await import("../../runtime/inspect-network.ts");
  const layer = targetLayer(model);
  const target = "problem" in layer ? undefined : layer;
  const { volumeProblem } = await import("../../methods/volumes.ts");
  const report = inspectNetwork(model.network, model.onnx.graph, target, (name) => model.layer(name));
  return {
    description: model.description,
    preprocess: model.preprocess,
    hasLabels: model.labels !== undefined,
    notes: model.notes,
    ...report,
    layer,
    layers: model.network.layers.slice(0, listedLayers),
    methods: methods.map((method) => {
      const problem = volumeProblem(method, model) ?? methodProblem(method, report, layer);
      return { id: method.name, ...(problem !== undefined && { problem }) };
    }),
  };
}

function targetLayer(model: NodeModel): ModelReport["layer"] {
  try {
    return model.defaultLayer;
  } catch (error) {
    if (error instanceof ExplainError) return { problem: error.message };
    throw error;
  }
}

function methodProblem(
  method: Method,
  report: NetworkReport,
  layer: ModelReport["layer"],
): string | undefined {
  // The optimisers of maps of a layer: SIGCAM starts from WGradCAM, and takes gradients of the image besides.
  const isBoth = method.family === "aop";
  const isOfLayer = isBoth || method.family === "activation" || method.needs === "activations";
  if (isOfLayer && "problem" in layer) return layer.problem;
  if (method.needs !== "gradients") return undefined;
  const ofLayer = isOfLayer ? report.layerGradientProblem : undefined;
  return ofLayer ?? (isBoth || !isOfLayer ? report.inputGradientProblem : undefined);
}

async function formatReport(report: ModelReport): Promise<string> {
  const { formatText } = await import("../table.ts");
  const { default: pc } = await import("picocolors");
  const { description, image, logits, layer, preprocess } = report;
  const { resize, normalization } = preprocess;
  const declared = (values: NetworkReport["inputs"]): string =>
    values
      .map(
        ({ name, type, dims }) =>
          `${name} ${type} [${dims?.map((dim) => (dim === "" ? "?" : dim)).join(", ") ?? "unknown"}]`,
      )
      .join("; ");
  const problems = new Map<string, string[]>();
  for (const { id, problem } of report.methods) {
    if (problem !== undefined) problems.set(problem, [...(problems.get(problem) ?? []), id]);
  }
  const facts: readonly (readonly [string, string])[] = [
    ["model", description.file],
    ["sha256", description.sha256],
    [
      "made by",
      `${description.producer || "unknown"}, opset ${description.opset}, IR version ${description.irVersion}`,
    ],
    ["inputs", declared(report.inputs)],
    ["outputs", declared(report.outputs)],
    [
      "image",
      `${image.name}: ${image.channels} channels, ${spatialDims(image).join(" x ")}, ${image.isSignal === true ? "signal" : image.layout}${image.fixedBatch === undefined ? "" : `, batch fixed at ${image.fixedBatch}`}`,
    ],
    [
      "preprocessing",
      `${resize.mode}, ${normalization.channelOrder}, mean ${normalization.mean.map(short).join(" ")}, std ${normalization.std.map(short).join(" ")} (from: ${description.preprocessSource})`,
    ],
    [
      "logits",
      `${logits.value}: ${logits.classCount} ${report.hasLabels ? "labelled " : ""}classes, ${logits.cut === undefined ? `no activation behind them, ${logits.probabilityKind} assumed` : `before the final ${logits.cut}`}`,
    ],
    ["target layer", "problem" in layer ? pc.yellow(`none: ${layer.problem}`) : describeLayer(layer)],
    [
      "other layers",
      report.layers
        .filter((other) => !("name" in layer) || other.name !== layer.name)
        .map(describeLayer)
        .join("\n") || "none",
    ],
    ...(report.notes.length > 0 ? [["notes", report.notes.join("\n")] as const] : []),
    ["operators", report.operators.map(({ operator, count }) => `${operator} ${count}`).join(", ")],
    [
      "without a rule",
      report.operators
        .filter(({ gradient }) => gradient === "missing")
        .map(({ operator, count }) => `${operator} ${count}`)
        .join(", ") || "none",
    ],
    [
      "methods",
      report.methods
        .filter(({ problem }) => problem === undefined)
        .map(({ id }) => id)
        .join(", "),
    ],
    ...[...problems].map(([problem, ids]) => ["not allowed", `${ids.join(", ")}: ${problem}`] as const),
  ];
  const rows = facts.flatMap(([name, value]) =>
    value.split("\n").map((line, index) => [index === 0 ? pc.bold(name) : "", line]),
  );
  // A table without its header and rule.
  const lines = formatText({ header: ["", ""], rows })
    .split("\n")
    .slice(2);
  if (report.trials === undefined) return lines.join("\n");
  const { formatTrials } = await import("../inspect-image.ts");
  return [...lines, "", await formatTrials(report.trials)].join("\n");
}

const short = (value: number): string => String(Number(value.toPrecision(4)));

function describeLayer({ name, channels, layout, prefixTokens = 0, ...extent }: Layer): string {
  const tokens = prefixTokens > 0 ? `, ${prefixTokens} tokens before the grid left out` : "";
  return `${name}: ${channels} channels, ${spatialDims(extent).join(" x ")}${layout === "NCHW" ? "" : `, ${layout}${tokens}`}`;
}
