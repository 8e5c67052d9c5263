import type { Graph, GraphNode, Initializer } from "../graph/graph.ts";

/** A graph without operators that only an exporter believes in, and what had to be changed for that. */
export interface StandardGraph {
  readonly graph: Graph;
  /** A sentence for the user if anything was changed. */
  readonly notes: readonly string[];
}

/**
 * Writes out operators that are not of ONNX but that exporters write as if they were: `Erfc`, the complement of the error
 * function, which tf2onnx makes of Keras' exact GELU. erfc(x) = 1 - erf(x). ONNX Runtime refuses such files, so there is nothing
 * else that the operator could mean.
 *
 * @param graph as read, before any preparation
 */
export function withoutMissingOperators(graph: Graph): StandardGraph {
  const isErfc = (node: GraphNode): boolean =>
    node.opType === "Erfc" && (node.domain === "" || node.domain === "ai.onnx");
  const count = graph.nodes.filter(isErfc).length;
  if (count === 0) return { graph, notes: [] };
  const one = "onnx-saliency/one";
  const initializer: Initializer = {
    name: one,
    type: "float32",
    dims: [],
    data: { kind: "memory", tensor: { type: "float32", dims: [], data: Float32Array.of(1) } },
  };
  const nodes = graph.nodes.flatMap((node): readonly GraphNode[] => {
    const [output = ""] = node.outputs;
    if (!isErfc(node)) return [node];
    const erf = `${output}/erf`;
    return [
      { ...node, opType: "Erf", outputs: [erf] },
      { ...node, name: `${node.name}/complement`, opType: "Sub", inputs: [one, erf] },
    ];
  });
  return {
    graph: { ...graph, nodes, initializers: new Map([...graph.initializers, [one, initializer]]) },
    notes: [
      `The file has ${count} Erfc, which is no operator of ONNX (a fault of the exporter; ONNX Runtime does not run the file): ` +
        "computed as 1 - Erf. For a file that runs elsewhere, export with the tanh form of GELU.",
    ],
  };
}
