import { differentiate } from "../../autodiff/differentiate.ts";
import { assert, ParameterError } from "../../errors.ts";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import type { Graph, GraphNode } from "../../graph/graph.ts";
import { liveNodes } from "../../graph/prepare/dead-nodes.ts";
import type { Normalization } from "../../image/normalize.ts";
import type { Layer } from "../../runtime/model.ts";
import type { Network } from "../../runtime/network.ts";
import { appendScores, toLayerLayout } from "../../runtime/program-graph.ts";
import { camsInGraph, finishedCam } from "./cam-in-graph.ts";
import { chooseClass } from "./class-choice.ts";
import type { ExplainedMethod } from "./explained-methods.ts";
import { insertedLoop, loopBody, type InsertedNode } from "./loop-body.ts";
import { appendPathIntegral } from "./path-integral.ts";

/** What is put into the model. */
export interface ExplainedModelRequest {
  readonly network: Network;
  /** The graph as the file declares it: its input's type is kept. */
  readonly declared: Graph;
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
   * the scores are computed as in the file.
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
 * @throws ParameterError for a method that does not fit into a graph, or a class activation method without a layer
 * @example
 * const explained = explainedModel({ network: model.network, declared: model.onnx.graph, method: "grad-cam", layer: model.defaultLayer, normalization });
 * await writeModelFile("explained.onnx", { ...explained, opsets: new Map([["", explained.opset]]), files: model.onnx.files });
 */
export function explainedModel(request: ExplainedModelRequest): ExplainedModel {
  const { network, method } = request;
  const g = GraphBuilder.empty(network.opset, network.graph.name, { fixedBatch: network.input.fixedBatch });
  const reserved = [
    ...network.graph.nodes.flatMap((node) => node.outputs),
    ...network.graph.initializers.keys(),
    ...network.graph.outputs.map((output) => output.name),
  ];
  g.reserve(reserved.filter((name) => name !== network.input.name && name !== ""));
  g.setPrefix("explained");
  const image = declareImage(g, request);
  const originals = network.graph.outputs.map(({ name }) => name);
  g.appendNetwork(network.graph, network.known, new Map([[network.input.name, image]]), [
    network.tail.logits,
    ...originals,
    ...(request.layer === undefined ? [] : [request.layer.name]),
  ]);
  const { logits } = appendScores(g, network, network.tail.logits);
  const choice = chooseClass(g, logits, "target");
  const names = new Map<string, string>();
  const inserted: InsertedNode[] = [];
  const isSeparate = request.forward === "separate" && method !== "integrated-gradients";
  const append = isSeparate ? appendSeparateMap : appendMap;
  const place: Place = { g, names, inserted };
  const map = append(place, request, { image, logits, oneHot: choice.oneHot });
  g.clearOutputs();
  for (const name of originals) if (g.has(name)) g.output(name);
  const outputs = {
    map: g.output(map, "saliency_map"),
    explainedClass: g.output(choice.explained, "explained_class"),
  };
  return {
    graph: finish(g.build(), names, inserted),
    opset: network.opset,
    target: choice.target,
    ...outputs,
  };
}

/** The image as the file declares it, and the value that the prepared network takes in its place. */
function declareImage(g: GraphBuilder, { network, declared }: ExplainedModelRequest): string {
  const { name } = network.input;
  const reader = new GraphBuilder(network.graph, network.opset, network.known);
  const type = declared.inputs.find((input) => input.name === name)?.type ?? reader.type(name);
  const image = g.input(name, reader.dims(name), type);
  return g.cast(image, reader.type(name));
}

/** Where nodes are appended. */
interface Place {
  readonly g: GraphBuilder;
  /** Values that stand for others in the finished graph. */
  readonly names: Map<string, string>;
  /** Nodes that the builder does not know. */
  readonly inserted: InsertedNode[];
}

interface Values {
  readonly image: string;
  readonly logits: string;
  readonly oneHot: string;
}

/** The map `[batch, H, W]` by a network inside a `Loop` of one iteration, which no optimiser merges with the one outside. */
function appendSeparateMap(place: Place, request: ExplainedModelRequest, { image, oneHot }: Values): string {
  const { network, layer } = request;
  const { g, inserted } = place;
  const body = loopBody(g, network, "explanation");
  const x = body.capture(image);
  body.g.appendNetwork(network.graph, network.known, new Map([[network.input.name, x]]), [
    network.tail.logits,
    ...(layer === undefined ? [] : [layer.name]),
  ]);
  const { logits } = appendScores(body.g, network, network.tail.logits);
  const names = new Map<string, string>();
  const map = appendMap({ g: body.g, names, inserted }, request, { image: x, logits, oneHot });
  for (const [standIn, value] of names) body.substitute(standIn, value);
  const dims = body.g.dims(map);
  const stacked = g.input("stacked_maps", [1, ...dims]);
  inserted.push(insertedLoop(g, 1, [], stacked, body.finish([map])));
  return g.reshape(stacked, dims);
}

/** The map `[batch, H, W]` by the forward pass that is there. */
function appendMap(
  { g, names, inserted }: Place,
  request: ExplainedModelRequest,
  { image, logits, oneHot }: Values,
): string {
  const { network, method, layer } = request;
  /** The gradient of the chosen class's logit. */
  const gradientAt = (value: string): string => {
    const { cotangents, gradients } = differentiate(g, { of: [logits], wrt: [value] });
    g.setPrefix("explained");
    names.set(cotangents[logits] ?? "", oneHot);
    return gradients[value] ?? "";
  };
  switch (method) {
    case "gradient": {
      const gradient = asImages(g, network, gradientAt(image));
      return g.reduce("ReduceMax", g.unary("Abs", gradient), [1], false);
    }
    case "input-x-gradient": {
      const gradient = asImages(g, network, gradientAt(image));
      return g.reduce("ReduceSum", g.mul(asImages(g, network, image), gradient), [1], false);
    }
    case "integrated-gradients": {
      const { normalization, steps = 50 } = request;
      const integral = appendPathIntegral(g, { network, image, oneHot, normalization, steps }, inserted);
      return g.reduce("ReduceSum", asImages(g, network, integral), [1], false);
    }
    default: {
      const cam = camsInGraph[method];
      if (layer === undefined) {
        throw new ParameterError(
          `layer: expected one for ${method}, got none. Name it, or use a method without layers.`,
        );
      }
      const gradients = toLayerLayout(g, gradientAt(layer.name), layer);
      const map = cam(g, { activations: toLayerLayout(g, layer.name, layer), gradients });
      return finishedCam(g, map, network.input);
    }
  }
}

/** A value in the layout of the network's input as `[batch, C, H, W]` float32. */
function asImages(g: GraphBuilder, { input }: Network, value: string): string {
  const float = g.cast(value, "float32");
  const batched = g.rank(float) === 3 ? g.reshape(float, [1, ...g.dims(float)]) : float;
  return input.layout === "NHWC" ? g.transpose(batched, [0, 3, 1, 2]) : batched;
}

/** The graph with stand-ins replaced, nodes put in, and nothing left that no output needs. */
function finish(built: Graph, names: ReadonlyMap<string, string>, inserted: readonly InsertedNode[]): Graph {
  const nodes: GraphNode[] = built.nodes.map((node) =>
    node.inputs.some((input) => names.has(input))
      ? { ...node, inputs: node.inputs.map((input) => names.get(input) ?? input) }
      : node,
  );
  for (const { node, position } of inserted.toReversed()) nodes.splice(position, 0, node);
  const made = new Set(inserted.flatMap(({ node }) => node.outputs));
  const live = liveNodes(
    nodes,
    built.outputs.map((output) => output.name),
  );
  const initializers = new Map([
    ...built.initializers,
    ...inserted.flatMap((entry) => entry.initializers.map((value) => [value.name, value] as const)),
  ]);
  const inputs = built.inputs.filter(({ name }) => !names.has(name) && !made.has(name));
  const values = new Set(live.nodes.flatMap((node) => node.outputs));
  assert(
    inputs.every(({ name }) => live.read.has(name)),
    "every input of the explained model is read",
  );
  return {
    ...built,
    inputs,
    nodes: live.nodes,
    initializers: new Map([...initializers].filter(([name]) => live.read.has(name))),
    valueInfo: new Map([...built.valueInfo].filter(([name]) => values.has(name))),
  };
}
