import { differentiate } from "../autodiff/differentiate.ts";
import type { RuleOverrides } from "../autodiff/rules.ts";
import { ModelError } from "../errors.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { placeCount } from "../image/extent.ts";
import { batchSymbol, type Graph } from "../graph/graph.ts";
import { liveNodes } from "../graph/prepare/dead-nodes.ts";
import { imageDims, type Layer, type Program } from "./model.ts";
import { withChannels } from "./image-input.ts";
import { scoreRounding } from "./score-rounding.ts";
import type { Network } from "./network.ts";
import { realNumbers } from "./quantized-layer.ts";

/** The three kinds of scores, all on the graph, so that the kind changes without a new session. */
export const scoreNames = ["logits", "probability", "log-probability"] as const;
export type ScoreName = (typeof scoreNames)[number];

/** A program's graph and the real names of what is fed and fetched. */
export interface ProgramGraph {
  readonly graph: Graph;
  readonly opset: number;
  /** Feeds by the name the program uses. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Cotangent inputs `[batch, K]` by score; empty if nothing is differentiated. */
  readonly cotangents: Readonly<Partial<Record<ScoreName, string>>>;
  /** Outputs by the name the program uses; always has `logits`. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** How a program's graph is built. */
export interface ProgramGraphOptions {
  /** Inputs of one sample for all (leading dimension 1) take one a sample instead. */
  readonly spread?: boolean;
  /** Gradient rules that the backend needs instead of the standard ones; the program's own win. */
  readonly backendRules?: RuleOverrides | undefined;
}

/** Builds prologue, network, scores, gradients and epilogue into one graph. */
export function buildProgramGraph(
  network: Network,
  program: Program,
  layer: (name: string) => Layer,
  { spread = false, backendRules = {} }: ProgramGraphOptions = {},
): ProgramGraph {
  const { input, tail } = network;
  const g = GraphBuilder.empty(network.opset, "onnx-saliency", { fixedBatch: input.fixedBatch, spread });
  g.reserve(network.graph.nodes.flatMap((node) => node.outputs).filter((name) => name !== ""));
  g.reserve(network.graph.initializers.keys());
  g.setPrefix("prologue");
  const start = program.start === undefined ? undefined : layer(program.start);
  const makeStart =
    program.prologue ??
    ((builder: GraphBuilder): string =>
      start === undefined
        ? builder.input("image", [batchSymbol, ...imageDims(input)])
        : builder.input("activation", [batchSymbol, ...imageDims(start)]));
  const first = makeStart(g);
  const replace = new Map(
    start === undefined
      ? [[input.name, toNetworkInput(g, first, network)]]
      : [[start.name, fromLayerLayout(g, first, start, network)]],
  );
  const layers = (program.layers ?? []).map(layer);
  // An input of the prologue, or what it makes of its inputs; all else are layers.
  const outside = (name: string): string | undefined =>
    g.actualInput(name) ?? (name === "image" && start === undefined ? first : undefined);
  const wrtLayers = (program.wrt ?? []).filter((name) => outside(name) === undefined).map(layer);
  g.appendNetwork(network.graph, network.known, replace, [
    tail.logits,
    ...[...layers, ...wrtLayers].map((entry) => entry.name),
  ]);
  g.setPrefix("score");
  const scores = appendScores(g, network, replace.get(tail.logits) ?? tail.logits);
  const values: Record<string, string> = { logits: scores.logits };
  const cotangents: Partial<Record<ScoreName, string>> = {};
  const wrt = program.wrt ?? [];
  if (wrt.length > 0) {
    const real = wrt.map((name) => outside(name) ?? layer(name).name);
    const result = differentiate(g, {
      of: scoreNames.map((name) => scores[name]),
      wrt: real,
      rules: {
        ...backendRules,
        ...scoreRounding(network.graph, tail.logits),
        ...program.rules?.overrides,
      },
    });
    for (const name of scoreNames) cotangents[name] = result.cotangents[scores[name]] ?? "";
    wrt.forEach((name, index) => {
      const gradient = result.gradients[real[index] ?? ""] ?? "";
      values[`gradient:${name}`] =
        outside(name) === undefined ? toLayerLayout(g, gradient, layer(name)) : gradient;
    });
  }
  g.setPrefix("epilogue");
  for (const entry of new Map([...layers, ...wrtLayers].map((entry) => [entry.name, entry])).values()) {
    values[entry.name] = toLayerLayout(g, entry.name, entry);
  }
  const extra = program.epilogue?.(g, values) ?? {};
  const available = { ...values, ...extra };
  const wanted =
    program.outputs ??
    Object.keys(available).filter(
      (name) => !wrtLayers.some((l) => l.name === name) || layers.some((l) => l.name === name),
    );
  g.clearOutputs();
  const outputs: Record<string, string> = {};
  for (const name of new Set(["logits", ...wanted])) {
    const value = available[name];
    if (value === undefined) throw new ModelError(`Program '${program.key}': no output named '${name}'.`);
    outputs[name] = g.output(value, `out:${name}`);
  }
  const built = g.build();
  // ONNX Runtime would run what nothing reads: parts of rules that turned out not to be wanted.
  const live = liveNodes(
    built.nodes,
    built.outputs.map((output) => output.name),
  );
  const made = new Set(live.nodes.flatMap((node) => node.outputs));
  const graph = {
    ...built,
    nodes: live.nodes,
    valueInfo: new Map([...built.valueInfo].filter(([name]) => made.has(name))),
    initializers: new Map([...built.initializers].filter(([name]) => live.read.has(name))),
  };
  const inputs: Record<string, string> = {};
  for (const name of g.declaredInputs) inputs[name] = g.actualInput(name) ?? name;
  return { graph, opset: network.opset, inputs, cotangents, outputs };
}

/** The order of axes that puts the channels of a value last. */
const channelsLast = (rank: number): readonly number[] => [
  0,
  ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2),
  1,
];

/** The order of axes that puts the channels of a value behind the batch. */
const channelsFirst = (rank: number): readonly number[] => [
  0,
  rank - 1,
  ...Array.from({ length: rank - 2 }, (_, axis) => axis + 1),
];

/** Without the height of 1 of a signal. */
function asSignal(g: GraphBuilder, value: string): string {
  const [batch = 1, channels = 1, , width = 1] = g.dims(value);
  return g.reshape(value, [batch, channels, width]);
}

/** From `[batch, C, H, W]` (of a volume `[batch, C, D, H, W]`) float32 to what the network takes. */
function toNetworkInput(g: GraphBuilder, image: string, { input }: Network): string {
  const planar = input.isSignal === true ? asSignal(g, image) : image;
  const space = Array.from({ length: g.rank(planar) - 2 }, (_, axis) => axis + 2);
  const laidOut = g.transpose(planar, [0, ...withChannels(input.layout, 1, space)]);
  return input.isUnbatched ? g.reshape(laidOut, g.dims(laidOut).slice(1)) : laidOut;
}

/** A layer's value (or its gradient) as `[batch, K, h, w]` (over a volume `[batch, K, d, h, w]`) float32. */
export function toLayerLayout(g: GraphBuilder, value: string, layer: Layer): string {
  const float = realNumbers(g, value);
  const shape = [g.dim(value, 0), ...imageDims(layer)];
  if (layer.layout === "NCHW" || layer.layout === "NHWC") {
    const first = layer.layout === "NHWC" ? g.transpose(float, channelsFirst(g.rank(float))) : float;
    return g.rank(first) === shape.length ? first : g.reshape(first, shape);
  }
  const tokens = layer.layout === "tokens" ? g.transpose(float, [0, 2, 1]) : float;
  const prefix = layer.prefixTokens ?? 0;
  const grid = g.slice(tokens, [prefix], [prefix + placeCount(layer)], [2]);
  return g.reshape(grid, shape);
}

/** The inverse: a value `[batch, K, h, w]` or `[batch, K, d, h, w]` that stands for a layer in the network. */
function fromLayerLayout(g: GraphBuilder, value: string, layer: Layer, network: Network): string {
  if (layer.prefixTokens !== undefined && layer.prefixTokens > 0) {
    throw new ModelError(
      `layer '${layer.name}': has ${layer.prefixTokens} tokens that are no place of the image, so it cannot be replaced.`,
    );
  }
  const type = network.known.get(layer.name)?.[0].type ?? "float32";
  if (!type.startsWith("float")) {
    throw new ModelError(
      `layer '${layer.name}': holds integers (${type}), so it cannot be replaced. Name a layer in floating point with --layer.`,
    );
  }
  const typed = g.cast(value, type);
  const own = network.known.get(layer.name)?.[0].dims.length;
  const planar = own === 3 && layer.prefixTokens === undefined ? asSignal(g, typed) : typed;
  switch (layer.layout) {
    case "NCHW":
      return planar;
    case "NHWC":
      return g.transpose(planar, channelsLast(g.rank(planar)));
    default: {
      const flat = g.reshape(typed, [g.dim(typed, 0), layer.channels, placeCount(layer)]);
      return layer.layout === "tokens" ? g.transpose(flat, [0, 2, 1]) : flat;
    }
  }
}

/** Logits as `[batch, K]`; a single output becomes the pair [-z, z], so that both directions are classes. */
export function appendScores(
  g: GraphBuilder,
  network: Network,
  logits: string,
): Readonly<Record<ScoreName, string>> {
  const { tail } = network;
  const flat = g.reshape(g.cast(logits, "float32"), [
    g.rank(logits) === 1 ? 1 : g.dim(logits, 0),
    tail.logitCount,
  ]);
  // Identity keeps the name free for the user's own output of the same name.
  const z = tail.logitCount === 1 ? g.concat([g.unary("Neg", flat), flat], 1) : g.unary("Identity", flat);
  if (tail.probabilityKind === "sigmoid") {
    return {
      logits: z,
      probability: g.unary("Sigmoid", z),
      "log-probability": g.unary("Neg", g.unary("Softplus", g.unary("Neg", z))),
    };
  }
  return {
    logits: z,
    probability: g.node("Softmax", [z], { axis: -1 }),
    "log-probability": g.sub(z, g.reduce("ReduceLogSumExp", z, [1])),
  };
}
