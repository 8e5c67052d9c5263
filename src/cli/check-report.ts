import { basename } from "node:path";
import { ExplainError } from "../errors.ts";
import type { NodeModel } from "../node.ts";
import type { GradientCheck } from "../runtime/check-gradient.ts";
import type { ModelCheck } from "../runtime/check-model.ts";
import { inspectNetwork, type NetworkReport } from "../runtime/inspect-network.ts";
import { imageDims, type Layer } from "../runtime/model.ts";
import { installedVersion, packageVersion } from "./package-version.ts";

/** What `check --json` prints: the model, the machine and the findings. */
export interface CheckReport extends ModelCheck {
  readonly versions: {
    readonly package: string;
    readonly onnxruntime: string | undefined;
    readonly node: string;
    readonly platform: string;
  };
  readonly model: NodeModel["description"];
  readonly network: Pick<
    NetworkReport,
    "inputs" | "outputs" | "image" | "logits" | "nodeCount" | "operators"
  >;
  readonly layer: Layer | { readonly problem: string };
  readonly notes: readonly string[];
  readonly image: string;
  readonly label: string | undefined;
  readonly seed: number;
}

/** Gathers the findings with the facts that a bug report needs. */
export function checkReport(
  model: NodeModel,
  check: ModelCheck,
  run: { readonly image: string; readonly label: string | undefined; readonly seed: number },
): CheckReport {
  const { inputs, outputs, image, logits, nodeCount, operators } = inspectNetwork(
    model.network,
    model.onnx.graph,
    undefined,
    (name) => model.layer(name),
  );
  return {
    versions: {
      package: packageVersion(),
      onnxruntime: installedVersion("onnxruntime-node"),
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
    },
    model: model.description,
    network: { inputs, outputs, image, logits, nodeCount, operators },
    layer: layerOrProblem(model),
    notes: model.notes,
    ...check,
    ...run,
  };
}

function layerOrProblem(model: NodeModel): CheckReport["layer"] {
  try {
    return model.defaultLayer;
  } catch (error) {
    if (error instanceof ExplainError) return { problem: error.message };
    throw error;
  }
}

/** The report as text that can be pasted into an issue: no path, only the file's name. */
export async function formatCheck(report: CheckReport): Promise<string> {
  const { formatText } = await import("./table.ts");
  const { default: pc } = await import("picocolors");
  const { versions, model, network, layer, gradient, elapsedMs, verdict } = report;
  const color = { pass: pc.green, fail: pc.red, inconclusive: pc.yellow, "forward-only": pc.yellow }[verdict];
  const missing = network.operators.filter((operator) => operator.gradient === "missing");
  const facts: readonly (readonly [string, string])[] = [
    [
      "versions",
      `onnx-saliency ${versions.package}, ONNX Runtime ${versions.onnxruntime ?? "unknown"}, Node ${versions.node}, ${versions.platform}`,
    ],
    [
      "model",
      `${basename(model.file)}, ${model.producer || "unknown producer"}, opset ${model.opset}, IR version ${model.irVersion}, sha256 ${model.sha256.slice(0, 16)}`,
    ],
    ["inputs", network.inputs.map(describeValue).join("; ")],
    ["outputs", network.outputs.map(describeValue).join("; ")],
    ["image", `${network.image.name}: ${imageDims(network.image).join(" x ")}, ${network.image.layout}`],
    [
      "logits",
      `${network.logits.value}: ${network.logits.classCount}, ${network.logits.cut === undefined ? "no activation behind them" : `before the final ${network.logits.cut}`}`,
    ],
    [
      "target layer",
      "problem" in layer
        ? `none: ${layer.problem}`
        : `${layer.name}: ${imageDims(layer).join(" x ")}, ${layer.layout}`,
    ],
    [
      "operators",
      `${network.operators.map(({ operator, count }) => `${operator} ${count}`).join(", ")} (of ${network.nodeCount} nodes)`,
    ],
    ...(missing.length > 0
      ? [["without a rule", missing.map(({ operator }) => operator).join(", ")] as const]
      : []),
    ...report.notes.map((note) => ["note", note] as const),
    [
      "scores",
      "difference" in report.scores
        ? `those of the file to ${report.scores.difference.toExponential(1)}`
        : `not compared with the file: ${report.scores.problem}`,
    ],
    [
      "time",
      elapsedMs.gradient === undefined
        ? `forward ${elapsedMs.forward.toFixed(1)} ms`
        : `forward ${elapsedMs.forward.toFixed(1)} ms, forward and backward ${elapsedMs.gradient.toFixed(1)} ms (${(elapsedMs.gradient / elapsedMs.forward).toFixed(1)} times)`,
    ],
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(30)}${value}`);
  const findings =
    "problem" in gradient
      ? [`${"gradient".padEnd(30)}none: ${gradient.problem}`]
      : gradientLines(gradient, report, formatText);
  return [...lines, ...findings, `${"verdict".padEnd(30)}${color(verdict)}: ${report.reason}`].join("\n");
}

function gradientLines(
  check: GradientCheck,
  { image, label }: CheckReport,
  formatText: typeof import("./table.ts").formatText,
): readonly string[] {
  const rows = check.derivatives.map(({ kind, step, analytic, numeric }) => [
    kind,
    step.toExponential(1),
    ...[analytic, ...numeric].map((slope) => slope.toExponential(4)),
  ]);
  const header = ["direction", "step", "by the gradient", "by differences", "at 4 steps"];
  const percent = (value: number): string => `${(100 * value).toPrecision(2)} %`;
  const { gradient, random, batch } = check;
  const row = (name: string, value: string): string => `${name.padEnd(30)}${value}`;
  const of = `image ${image === "random" ? image : basename(image)}, ${check.score} of class ${check.target.index}${label === undefined ? "" : ` (${label})`}`;
  return [
    row("gradient at", of),
    "",
    formatText({ header, rows }),
    "",
    row(
      "error along the gradient",
      `${percent(gradient.error)} (the differences of two steps differ by ${percent(gradient.referenceError)})`,
    ),
    row(
      "error along random patterns",
      `${percent(random.error)} (the differences of two steps differ by ${percent(random.referenceError)})`,
    ),
    row(
      "batch of 2 against 1 and 1",
      `logits ${batch.logits.toExponential(1)}, gradient ${batch.gradient.toExponential(1)}`,
    ),
  ];
}

function describeValue({ name, type, dims }: NetworkReport["inputs"][number]): string {
  return `${name} ${type} [${dims?.map((dim) => (dim === "" ? "?" : dim)).join(", ") ?? "unknown"}]`;
}
