import { ParameterError } from "../../errors.ts";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Normalization } from "../../image/normalize.ts";
import type { Layer } from "../../runtime/model.ts";
import type { Network } from "../../runtime/network.ts";
import { appendScores } from "../../runtime/program-graph.ts";
import { explainedClass, oneHot } from "./class-choice.ts";
import type { ExplainedMethod } from "./explained-methods.ts";
import { finishedGraph } from "./finished-graph.ts";
import { appendMap, type Place } from "./map-in-graph.ts";
import { explainedBeside } from "./explained-beside.ts";

/** What is put into the model. */
export interface ExplainedModelRequest {
  readonly network: Network;
  /** The graph as the file declares it, and its opset: its input's type is kept, `separate` keeps all of it. */
  readonly declared: Graph;
  readonly declaredOpset: number;
  readonly method: ExplainedMethod;
  /** Layer of a class activation method. */
  readonly layer?: Layer | undefined;
  /** Where the path of integrated gradients begins: black, in the input space of this normalization. */
  readonly normalization: Normalization;
  /** Points on the path of integrated gradients. Default 50, as the method's. */
  readonly steps?: number;
  /**
   * `shared` (default): scores and map come of one forward pass. Runtimes fuse fewer operators where inner values are read,
   * so the scores of some networks (transformers) round differently. `separate`: the map has a forward pass of its own, and
   * the file's own graph computes the scores; it needs opset 17 or newer in the file, else it is the graph as prepared.
   */
  readonly forward?: "shared" | "separate";
}

/** A graph that classifies and explains in one run. */
export interface ExplainedModel {
  readonly graph: Graph;
  readonly opset: number;
  /** The extra input, int64 `[batch]`: class index, or a negative number for the class with the highest score. */
  readonly target: string;
  /** The extra output, float32 `[batch, H, W]`: the map as the method of that name gives it. */
  readonly map: string;
  /** The second extra output, int64 `[batch]`: the class that was explained. */
  readonly explainedClass: string;
}

/**
 * The classifier with one method built in: its own inputs and outputs, a further input for the class and a further output
 * for the map, all in standard operators. Any program that runs ONNX can use it; it needs nothing of this package.
 * The weights are those of the file and are not copied.
 *
 * @throws UnsupportedOpError if an operator on the way has no gradient
 * @throws ParameterError for a class activation method without a layer
 * @example
 * const { network, onnx, normalization, defaultLayer: layer } = model;
 * const declaredOpset = onnx.opsets.get("") ?? 0;
 * const built = explainedModel({ network, declared: onnx.graph, declaredOpset, method: "grad-cam", layer, normalization });
 * const opsets = new Map(onnx.opsets).set("", built.opset);
 * await writeModelFile("explained.onnx", { ...onnx, graph: built.graph, opsets });
 */
export function explainedModel(request: ExplainedModelRequest): ExplainedModel {
  const { network, declared, forward = "shared", layer } = request;
  if (network.input.depth !== undefined || network.input.isSignal === true || network.input.isRow === true) {
    throw new ParameterError(
      "model: expected one of images, got one of volumes, signals or rows of numbers, which are not exported. Explain them with `explain`.",
    );
  }
  const own = request.declaredOpset === network.opset ? declared : network.graph;
  const sameInput = inputType(own, network) === inputType(declared, network);
  if (forward === "separate" && sameInput) return explainedBeside(own, request);
  const g = GraphBuilder.empty(network.opset, network.graph.name, { fixedBatch: network.input.fixedBatch });
  const reserved = [
    ...network.graph.nodes.flatMap((node) => node.outputs),
    ...network.graph.initializers.keys(),
    ...network.graph.outputs.map((output) => output.name),
  ];
  g.reserve(reserved.filter((name) => name !== network.input.name && name !== ""));
  g.setPrefix("explained");
  const reader = new GraphBuilder(network.graph, network.opset, network.known);
  const { name } = network.input;
  const type = inputType(declared, network) ?? reader.type(name);
  const image = g.cast(g.input(name, reader.dims(name), type), reader.type(name));
  const originals = network.graph.outputs.map((output) => output.name);
  g.appendNetwork(network.graph, network.known, new Map([[name, image]]), [
    network.tail.logits,
    ...originals,
    ...(layer === undefined ? [] : [layer.name]),
  ]);
  const { logits } = appendScores(g, network, network.tail.logits);
  const target = g.input("target", [g.dim(logits, 0)], "int64");
  const chosen = explainedClass(g, logits, target);
  const place: Place = { g, names: new Map(), inserted: [] };
  const values = { image, logits, oneHot: oneHot(g, chosen, g.size(logits, 1)) };
  const map = appendMap(place, request, values);
  g.clearOutputs();
  for (const output of originals) if (g.has(output)) g.output(output);
  const outputs = {
    map: g.output(map, "saliency_map"),
    explainedClass: g.output(chosen, "explained_class"),
  };
  return { graph: finishedGraph(g.build(), place), opset: network.opset, target, ...outputs };
}

function inputType({ inputs }: Graph, { input }: Network): Graph["inputs"][number]["type"] | undefined {
  return inputs.find(({ name }) => name === input.name)?.type;
}
