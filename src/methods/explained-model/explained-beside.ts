import { GraphBuilder } from "../../graph/graph-builder.ts";
import type { Graph, Initializer, Shape } from "../../graph/graph.ts";
import { appendScores } from "../../runtime/program-graph.ts";
import { explainedClass, oneHot } from "./class-choice.ts";
import type { ExplainedModel, ExplainedModelRequest } from "./explained-model.ts";
import { finishedGraph } from "./finished-graph.ts";
import { insertedLoop, loopBody } from "./loop-body.ts";
import { appendMap, type Place } from "./map-in-graph.ts";

/**
 * A graph, as it is, with a second network for the map beside it. The second one sits in a `Loop` of one iteration, which
 * no optimiser merges with the first, so that the scores are computed exactly as without it.
 *
 * @param own the graph that computes the scores, of the network's opset
 */
export function explainedBeside(own: Graph, request: ExplainedModelRequest): ExplainedModel {
  const { network } = request;
  const reader = new GraphBuilder(network.graph, network.opset, network.known);
  const g = GraphBuilder.empty(network.opset, own.name, { fixedBatch: network.input.fixedBatch });
  const { name } = network.input;
  const taken = [
    ...own.inputs.map((input) => input.name),
    ...own.outputs.map((output) => output.name),
    ...own.nodes.flatMap((node) => [node.name, ...node.outputs]),
    ...own.initializers.keys(),
  ];
  g.reserve(taken.filter((entry) => entry !== name && entry !== ""));
  g.setPrefix("explained");
  const declared = own.inputs.find((input) => input.name === name);
  const image = g.input(name, reader.dims(name), declared?.type ?? reader.type(name));
  const isShared = (initializer: string): boolean =>
    isSame(own.initializers.get(initializer), network.graph.initializers.get(initializer));
  const place: Place = { g, names: new Map(), inserted: [], isShared };
  const batch = reader.dims(network.tail.logits)[0] ?? 1;
  const target = g.input("target", [reader.rank(network.tail.logits) === 1 ? 1 : batch], "int64");
  const { map, chosen } = appendExplanation(place, request, image, target);
  const outputs = {
    map: g.output(map, "saliency_map"),
    explainedClass: g.output(chosen, "explained_class"),
  };
  const added = finishedGraph(g.build(), place);
  const sized = added.inputs.find((input) => input.name === name)?.dims;
  return {
    graph: {
      ...own,
      inputs: [
        ...own.inputs.map((input) =>
          input.name === name ? { ...input, dims: withSizes(input.dims, sized) } : input,
        ),
        ...added.inputs.filter((input) => input.name !== name),
      ],
      outputs: [...own.outputs, ...added.outputs],
      nodes: [...own.nodes, ...added.nodes],
      initializers: new Map([...added.initializers, ...own.initializers]),
      valueInfo: new Map([...own.valueInfo, ...added.valueInfo]),
    },
    opset: network.opset,
    target,
    ...outputs,
  };
}

/** The map and the class, each by a loop of one iteration; integrated gradients have a loop of their own behind it. */
function appendExplanation(
  place: Place,
  request: ExplainedModelRequest,
  image: string,
  target: string,
): { readonly map: string; readonly chosen: string } {
  const { network, layer, method } = request;
  const { g, inserted, isShared } = place;
  const isPath = method === "integrated-gradients";
  const body = loopBody(g, network, "explanation", isShared);
  const captured = body.capture(image);
  const x = body.g.cast(captured, network.known.get(network.input.name)?.[0].type ?? "float32");
  body.g.appendNetwork(network.graph, network.known, new Map([[network.input.name, x]]), [
    network.tail.logits,
    ...(layer === undefined ? [] : [layer.name]),
  ]);
  const { logits } = appendScores(body.g, network, network.tail.logits);
  const classes = explainedClass(body.g, logits, body.capture(target));
  const classCount = body.g.size(logits, 1);
  const inner: Place = { g: body.g, names: new Map(), inserted: [] };
  const maps = isPath
    ? []
    : [appendMap(inner, request, { image: x, logits, oneHot: oneHot(body.g, classes, classCount) })];
  for (const [standIn, value] of inner.names) body.rename(standIn, value);
  const results = [classes, ...maps];
  const stacked = results.map((value) =>
    g.input(`stacked:${value}`, [1, ...body.g.dims(value)], body.g.type(value)),
  );
  inserted.push(insertedLoop(g, 1, [], stacked, body.finish(results)));
  const [chosen = "", map] = stacked.map((value) => g.node("Squeeze", [value, g.ints([0])]));
  if (map !== undefined) return { map, chosen };
  const float = g.cast(image, network.known.get(network.input.name)?.[0].type ?? "float32");
  return {
    chosen,
    map: appendMap(place, request, { image: float, logits: "", oneHot: oneHot(g, chosen, classCount) }),
  };
}

/** True if two constants are one and the same: preparation may have changed what a name stands for. */
function isSame(a: Initializer | undefined, b: Initializer | undefined): boolean {
  if (a === undefined || b === undefined || a.type !== b.type) return false;
  if (a.dims.length !== b.dims.length || a.dims.some((dim, axis) => dim !== b.dims[axis])) return false;
  if (a === b || a.data === b.data) return true;
  if (a.data.kind === "external" && b.data.kind === "external") {
    return a.data.location === b.data.location && a.data.offset === b.data.offset;
  }
  return a.data.kind === "memory" && b.data.kind === "memory" && a.data.tensor.data === b.data.tensor.data;
}

/** The map is made for one size; the batch stays as declared. */
function withSizes(declared: Shape | undefined, sized: Shape | undefined): Shape | undefined {
  return declared === undefined
    ? sized
    : declared.map((dim, axis) => (axis === 0 ? dim : (sized?.[axis] ?? dim)));
}
