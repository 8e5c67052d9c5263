import { ModelError } from "../../errors.ts";
import { intAttribute, type Graph, type GraphNode, type Initializer } from "../../graph/graph.ts";
import type { AnyTensor } from "../../tensor/tensor.ts";

/** The last linear layer of a classifier. */
export interface ClassifierHead {
  /** The value that goes into it: one feature vector an image. */
  readonly features: string;
  /** The value that it makes: the logits. */
  readonly logits: string;
  /** Nodes that make up the layer and what follows it; dropped when the layer is replaced. */
  readonly nodes: readonly GraphNode[];
}

const passing = new Set([
  "Softmax",
  "LogSoftmax",
  "Sigmoid",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Identity",
  "Cast",
]);

/**
 * Finds the last linear layer behind an output: a Gemm, or a MatMul with or without an Add, possibly followed by an
 * activation.
 *
 * @throws ModelError if the output does not end in one.
 */
export function findHead(graph: Graph, output: string): ClassifierHead {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const dropped: GraphNode[] = [];
  for (let value = output; ;) {
    const node = producers.get(value);
    if (node === undefined) throw noHead(output, "nothing computes it");
    dropped.push(node);
    if (node.opType === "Gemm" && intAttribute(node, "transA", 0) === 0)
      return head(node.inputs[0] ?? "", value, dropped);
    if (node.opType === "MatMul") return head(node.inputs[0] ?? "", value, dropped);
    if (node.opType === "Add") {
      const product = node.inputs
        .map((input) => producers.get(input))
        .find((producer) => producer?.opType === "MatMul");
      if (product === undefined) throw noHead(output, "its Add has no MatMul before it");
      return head(product.inputs[0] ?? "", value, [...dropped, product]);
    }
    if (!passing.has(node.opType)) throw noHead(output, `it ends in ${node.opType}`);
    value = node.inputs[0] ?? "";
  }
}

function head(features: string, logits: string, nodes: readonly GraphNode[]): ClassifierHead {
  return { features, logits, nodes };
}

function noHead(output: string, reason: string): ModelError {
  return new ModelError(
    `finetune: expected a classifier that ends in a linear layer (Gemm, or MatMul and Add), but for '${output}' ${reason}. ` +
      "Networks with a convolution as their last layer cannot be given another one.",
  );
}

/**
 * A graph with another linear layer in place of its last: logits = features W^T + b, then a Sigmoid, so that whoever loads
 * it sees that classes do not exclude each other.
 *
 * @param weight `[K, F]`.
 * @param bias `[K]`.
 */
export function replaceHead(graph: Graph, output: string, weight: AnyTensor, bias: AnyTensor): Graph {
  const found = findHead(graph, output);
  const names = new Set([...graph.initializers.keys(), ...graph.nodes.flatMap((node) => node.outputs)]);
  const fresh = (stem: string): string => {
    let name = stem;
    for (let counter = 1; names.has(name); counter++) name = `${stem}_${counter}`;
    return name;
  };
  const [weightName, biasName, logits] = [fresh("head.weight"), fresh("head.bias"), fresh("head.logits")];
  const gone = new Set(found.nodes);
  const goneValues = new Set(found.nodes.flatMap((node) => node.outputs));
  const nodes = graph.nodes.filter((node) => !gone.has(node));
  const node = (
    opType: string,
    inputs: readonly string[],
    name: string,
    attributes: GraphNode["attributes"],
  ): GraphNode => ({
    name: fresh(`head/${opType}`),
    opType,
    domain: "",
    inputs,
    outputs: [name],
    attributes,
  });
  const [batch = "batch"] = graph.outputs.find(({ name }) => name === output)?.dims ?? [];
  const memory = (name: string, tensor: AnyTensor): readonly [string, Initializer] => [
    name,
    { name, type: tensor.type, dims: tensor.dims, data: { kind: "memory", tensor } },
  ];
  return withoutUnused({
    ...graph,
    nodes: [
      ...nodes,
      node("Gemm", [found.features, weightName, biasName], logits, { transB: { kind: "int", value: 1 } }),
      node("Sigmoid", [logits], output, {}),
    ],
    outputs: [{ name: output, type: "float32", dims: [batch, weight.dims[0] ?? 0] }],
    initializers: new Map<string, Initializer>([
      ...graph.initializers,
      memory(weightName, weight),
      memory(biasName, bias),
    ]),
    valueInfo: new Map([...graph.valueInfo].filter(([name]) => !goneValues.has(name))),
  });
}

/** Leaves out nodes and weights that nothing needs any more, such as the casts of the old weights. */
function withoutUnused(graph: Graph): Graph {
  const hasInnerGraphs = graph.nodes.some((node) =>
    Object.values(node.attributes).some(({ kind }) => kind === "graph" || kind === "opaque"),
  );
  // Inner graphs use outer values without naming them as inputs.
  if (hasInnerGraphs) return graph;
  const used = new Set(graph.outputs.map(({ name }) => name));
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => used.has(name))) return false;
    node.inputs.forEach((name) => used.add(name));
    return true;
  });
  return {
    ...graph,
    nodes: nodes.toReversed(),
    initializers: new Map([...graph.initializers].filter(([name]) => used.has(name))),
    valueInfo: new Map([...graph.valueInfo].filter(([name]) => used.has(name))),
  };
}
