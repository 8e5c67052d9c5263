import { differentiate } from "../../autodiff/differentiate.ts";
import { ModelError } from "../../errors.ts";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import type { Graph, GraphNode, Initializer } from "../../graph/graph.ts";
import { liveNodes } from "../../graph/prepare/dead-nodes.ts";
import { toInputSpace, type Normalization } from "../../image/normalize.ts";
import type { Network } from "../../runtime/network.ts";
import { appendScores } from "../../runtime/program-graph.ts";
import { quadrature } from "../gradient/quadrature.ts";

/** A node that goes into the finished graph at a position, with the constants that it brings. */
export interface InsertedNode {
  readonly node: GraphNode;
  readonly position: number;
  readonly initializers: readonly Initializer[];
}

interface PathRequest {
  readonly network: Network;
  /** What the network takes. */
  readonly image: string;
  /** Which class: `[batch, K]`. */
  readonly oneHot: string;
  readonly normalization: Normalization;
  readonly steps: number;
}

/**
 * Integrated gradients from black along the straight path, in the layout of the network's input, by Gauss-Legendre
 * quadrature: one `Loop` over the points, so that memory does not grow with their number.
 */
export function appendPathIntegral(g: GraphBuilder, request: PathRequest, inserted: InsertedNode[]): string {
  const { network, image, normalization } = request;
  const baseline = blackImage(g, image, network, normalization);
  const zeros = g.filledLike(image);
  const total = g.input("path_integral", g.dims(image), g.type(image));
  const count = g.ints([request.steps], []);
  const { body, initializers } = pathStep(g, request, baseline);
  inserted.push({
    position: g.allNodes.length,
    initializers,
    node: {
      name: total,
      opType: "Loop",
      domain: "",
      inputs: [count, "", zeros],
      outputs: [total],
      attributes: { body: { kind: "graph", value: body } },
    },
  });
  return g.mul(total, g.sub(image, baseline));
}

/** Black in input space, one value a channel, to be broadcast over the image. */
function blackImage(
  g: GraphBuilder,
  image: string,
  { input }: Network,
  normalization: Normalization,
): string {
  const values = Array.from({ length: input.channels }, (_, channel) =>
    toInputSpace(normalization, channel, 0),
  );
  const rank = g.rank(image);
  const axis = input.layout === "NHWC" ? rank - 1 : rank - 3;
  const dims = Array.from({ length: rank }, (_, index) => (index === axis ? input.channels : 1));
  return g.floats(values, dims, image);
}

/** The body of the loop: sum + weight * gradient at baseline + point * (image - baseline). */
function pathStep(
  outer: GraphBuilder,
  { network, image, oneHot, steps }: PathRequest,
  baseline: string,
): { readonly body: Graph; readonly initializers: readonly Initializer[] } {
  const g = GraphBuilder.empty(network.opset, "path_step", { fixedBatch: network.input.fixedBatch });
  g.reserve(network.graph.nodes.flatMap((node) => node.outputs).filter((name) => name !== ""));
  g.reserve(network.graph.initializers.keys());
  g.setPrefix("path");
  const step = g.input("path/step", [], "int64");
  const goesOn = g.input("path/goes_on", [], "bool");
  const sum = g.input("path/sum", outer.dims(image), outer.type(image));
  // Values of the surrounding graph, under the names that they have there.
  const captured = new Map<string, string>();
  const capture = (value: string): string => {
    const stand = g.input(`path/outer:${value}`, outer.dims(value), outer.type(value));
    captured.set(stand, value);
    return stand;
  };
  const [x, black, cotangent] = [capture(image), capture(baseline), capture(oneHot)];
  const { points, weights } = quadrature("gauss-legendre", steps);
  const at = (values: readonly number[]): string =>
    g.cast(g.node("Gather", [g.floats(values, [steps]), step], { axis: 0 }), g.type(x));
  const place = g.add(black, g.mul(at(points), g.sub(x, black)));
  g.appendNetwork(network.graph, network.known, new Map([[network.input.name, place]]), [
    network.tail.logits,
  ]);
  const { logits } = appendScores(g, network, network.tail.logits);
  const { cotangents, gradients } = differentiate(g, { of: [logits], wrt: [place] });
  captured.set(cotangents[logits] ?? "", captured.get(cotangent) ?? cotangent);
  g.setPrefix("path");
  const next = g.add(sum, g.mul(at(weights), gradients[place] ?? ""));
  const still = g.unary("Identity", goesOn);
  g.clearOutputs();
  g.output(still);
  g.output(next);
  return asBody(g.build(), network, captured);
}

/** Names of a body must differ from those around it; weights stay outside, once. */
function asBody(
  built: Graph,
  network: Network,
  captured: ReadonlyMap<string, string>,
): { readonly body: Graph; readonly initializers: readonly Initializer[] } {
  const inner = built.nodes.find(({ attributes }) =>
    Object.values(attributes).some(({ kind }) => kind === "graph"),
  );
  if (inner !== undefined) {
    throw new ModelError(
      `${inner.opType} at node '${inner.name}': holds a graph of its own, which integrated gradients cannot repeat inside a file. Export input-x-gradient.`,
    );
  }
  const { nodes } = liveNodes(
    built.nodes,
    built.outputs.map((output) => output.name),
  );
  const rename = (name: string): string =>
    name === "" || network.graph.initializers.has(name) ? name : (captured.get(name) ?? `loop:${name}`);
  const initializers = [...built.initializers.values()].map((value) => ({
    ...value,
    name: rename(value.name),
  }));
  return {
    initializers,
    body: {
      name: built.name,
      inputs: built.inputs
        .filter(({ name }) => !captured.has(name))
        .map((input) => ({ ...input, name: rename(input.name) })),
      outputs: built.outputs.map((output) => ({ ...output, name: rename(output.name) })),
      nodes: nodes.map((node) => ({
        ...node,
        name: node.name === "" ? "" : `loop:${node.name}`,
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      })),
      initializers: new Map(),
      valueInfo: new Map(),
    },
  };
}
