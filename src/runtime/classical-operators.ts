import { classLabels } from "../graph/class-labels.ts";
import {
  intsAttribute,
  stringAttribute,
  type Attribute,
  type Graph,
  type GraphNode,
  type Initializer,
} from "../graph/graph.ts";
import { floatTensor } from "../tensor/element-type.ts";

/** The domain of the operators that converters of classical machine learning write (skl2onnx, CatBoost, onnxmltools). */
const domain = "ai.onnx.ml";

/** A graph with what ONNX's own operators can say written in them, and the constants that this takes. */
interface Rewriting {
  readonly initializers: Map<string, Initializer>;
  /** Scores whose sum over the classes is 1 by themselves, and those that are sigmoids of the value named. */
  readonly normalised: Set<string>;
  readonly sigmoids: Map<string, string>;
}

/**
 * Writes the operators of `ai.onnx.ml` that have one in the standard ones, so that gradients pass them and the scores before their
 * final softmax are found: LinearClassifier, Scaler, Normalizer. Of tree ensembles and support vector machines only what follows their
 * sums is written out: there is no rule for what they do with the image. The probabilities p of a forest or a vector machine, which no
 * softmax made, are given one: p = softmax(log p).
 *
 * @param declared as read, before any preparation: of any opset from 7 on
 */
export function withStandardClassifiers(declared: Graph): Graph {
  const graph = withSigmoidPairs(declared);
  if (!graph.nodes.some((node) => node.domain === domain && Object.hasOwn(rewrites, node.opType)))
    return graph;
  const rewriting: Rewriting = {
    initializers: new Map(graph.initializers),
    normalised: new Set(),
    sigmoids: new Map(),
  };
  const nodes = graph.nodes.flatMap((node): readonly GraphNode[] => {
    const rewrite =
      node.domain === domain && Object.hasOwn(rewrites, node.opType) ? rewrites[node.opType] : undefined;
    return rewrite?.(node, rewriting) ?? [node];
  });
  return { ...graph, nodes, initializers: rewriting.initializers };
}

/**
 * Writes the scores `[1 - s(z), s(z)]` of two classes, s the sigmoid, as `s([-z, z])`, so that they end in an activation: scikit-learn's
 * network of one output is exported in the first form.
 */
function withSigmoidPairs(graph: Graph): Graph {
  const producers = new Map(
    graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)),
  );
  const isOne = (value: string): boolean => {
    const data = graph.initializers.get(value)?.data;
    return data?.kind === "memory" && data.tensor.data.length === 1 && Number(data.tensor.data[0]) === 1;
  };
  const nodes = graph.nodes.flatMap((node): readonly GraphNode[] => {
    const [rest = "", yes = "", ...more] = node.opType === "Concat" ? node.inputs : [];
    const [other, sigmoid] = [producers.get(rest), producers.get(yes)];
    const [output = ""] = node.outputs;
    const isPair =
      more.length === 0 &&
      other?.opType === "Sub" &&
      sigmoid?.opType === "Sigmoid" &&
      isOne(other.inputs[0] ?? "") &&
      other.inputs[1] === yes;
    if (!isPair) return [node];
    const [z = ""] = sigmoid.inputs;
    const [minus, both] = [`${output}/minus`, `${output}/both`];
    return [
      make("Neg", [z], minus),
      { ...make("Concat", [minus, z], both), attributes: node.attributes },
      make("Sigmoid", [both], output),
    ];
  });
  return nodes.length === graph.nodes.length ? graph : { ...graph, nodes };
}

/** The standard form of a node, or `undefined` to leave it as it is. */
type Rewrite = (node: GraphNode, rewriting: Rewriting) => readonly GraphNode[] | undefined;

function make(
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: GraphNode["attributes"] = {},
): GraphNode {
  return { name: `${output}/${opType}`, opType, domain: "", inputs, outputs: [output], attributes };
}

const int = (value: number): Attribute => ({ kind: "int", value });

function floats({ attributes }: GraphNode, name: string): readonly number[] | undefined {
  const attribute = attributes[name];
  return attribute?.kind === "floats" && attribute.value.length > 0 ? attribute.value : undefined;
}

function constant(
  { initializers }: Rewriting,
  name: string,
  values: readonly number[],
  dims: readonly number[],
): string {
  const tensor = floatTensor("float32", values, dims);
  initializers.set(name, { name, type: "float32", dims, data: { kind: "memory", tensor } });
  return name;
}

/** The label of the highest score, by name. */
function label(node: GraphNode, scores: string): readonly GraphNode[] {
  const [output = ""] = node.outputs;
  if (output === "") return [];
  const names = classLabels(node);
  const best = `${output}/best`;
  const attributes: GraphNode["attributes"] = {
    keys_int64s: { kind: "ints", value: names.map((_, index) => index) },
    values_strings: { kind: "strings", value: names },
  };
  return [
    make("ArgMax", [scores], best, { axis: int(1), keepdims: int(0) }),
    { ...make("LabelEncoder", [best], output, attributes), domain },
  ];
}

/** What `post_transform` makes of sums; `undefined` for the rare ones. */
function transformed(
  node: GraphNode,
  sums: string,
  scores: string,
  { normalised, sigmoids }: Rewriting,
): GraphNode | undefined {
  switch (stringAttribute(node, "post_transform", "NONE")) {
    case "NONE":
      return make("Identity", [sums], scores);
    case "SOFTMAX":
      normalised.add(scores);
      return make("Softmax", [sums], scores, { axis: int(1) });
    case "LOGISTIC":
      sigmoids.set(scores, sums);
      return make("Sigmoid", [sums], scores);
    default:
      return undefined;
  }
}

const linearClassifier: Rewrite = (node, rewriting) => {
  const [x = ""] = node.inputs;
  const [, scores = ""] = node.outputs;
  const weights = floats(node, "coefficients");
  const count = classLabels(node).length;
  const biases = floats(node, "intercepts") ?? Array.from({ length: count }, () => 0);
  // A single row of weights for two classes is the score of the second.
  const rows = biases.length;
  const isPair = rows === 1 && count === 2 && stringAttribute(node, "post_transform", "NONE") !== "SOFTMAX";
  if (weights === undefined || scores === "" || (rows !== count && !isPair)) return undefined;
  const sums = `${scores}/sums`;
  const last = transformed(node, sums, scores, rewriting);
  if (last === undefined) return undefined;
  const both = (values: readonly number[]): readonly number[] =>
    isPair ? [...values.map((value) => -value), ...values] : values;
  const matrix = constant(rewriting, `${scores}/weights`, both(weights), [count, weights.length / rows]);
  const bias = constant(rewriting, `${scores}/biases`, both(biases), [count]);
  return [make("Gemm", [x, matrix, bias], sums, { transB: int(1) }), last, ...label(node, scores)];
};

/** `(x - offset) scale`, one number for all or one a feature. */
const scaler: Rewrite = (node, rewriting) => {
  const [x = ""] = node.inputs;
  const [y = ""] = node.outputs;
  const of = (name: string, fallback: number): string => {
    const values = floats(node, name) ?? [fallback];
    return constant(rewriting, `${y}/${name}`, values, [values.length]);
  };
  const centred = `${y}/centred`;
  return [make("Sub", [x, of("offset", 0)], centred), make("Mul", [centred, of("scale", 1)], y)];
};

const normalizer: Rewrite = (node, { normalised, sigmoids }) => {
  const [x = ""] = node.inputs;
  const [y = ""] = node.outputs;
  const norm = stringAttribute(node, "norm", "MAX");
  if (norm === "L1" && normalised.has(x)) return [make("Identity", [x], y)];
  const sums = sigmoids.get(x);
  // s(z) / sum of s(z) = softmax(log s(z)), and log s(z) = -softplus(-z).
  if (norm === "L1" && sums !== undefined) {
    const [minus, losses, logits] = [`${y}/minus`, `${y}/losses`, `${y}/logits`];
    return [
      make("Neg", [sums], minus),
      make("Softplus", [minus], losses),
      make("Neg", [losses], logits),
      make("Softmax", [logits], y, { axis: int(1) }),
    ];
  }
  if (norm === "MAX") return undefined;
  return [make("LpNormalization", [x], y, { axis: int(-1), p: int(norm === "L1" ? 1 : 2) })];
};

/** The smallest probability that counts: forests vote 0 for some classes. */
const leastProbability = 1e-6;

/** A node that gives probabilities, with the softmax that they may be thought to come from. */
function asSoftmax(node: GraphNode, rewriting: Rewriting): readonly GraphNode[] {
  const [decision = "", scores = ""] = node.outputs;
  const [votes, some, logits] = [`${scores}/votes`, `${scores}/some`, `${scores}/logits`];
  const least = constant(rewriting, `${scores}/least`, [leastProbability], [1]);
  return [
    { ...node, outputs: [decision, votes] },
    make("Max", [votes, least], some),
    make("Log", [some], logits),
    make("Softmax", [logits], scores, { axis: int(1) }),
  ];
}

const treeEnsemble: Rewrite = (node, rewriting) => {
  const [decision = "", scores = ""] = node.outputs;
  const weights = floats(node, "class_weights") ?? [];
  // One sum for two classes: the operator itself makes two scores of it.
  const isPair = classLabels(node).length === 2 && new Set(intsAttribute(node, "class_ids")).size === 1;
  if (scores === "" || isPair) return undefined;
  if (stringAttribute(node, "post_transform", "NONE") === "NONE") {
    const isVote = weights.every((weight) => weight >= 0) && node.attributes["base_values"] === undefined;
    return isVote ? asSoftmax(node, rewriting) : undefined;
  }
  const sums = `${scores}/sums`;
  const last = transformed(node, sums, scores, rewriting);
  if (last === undefined) return undefined;
  const { post_transform: _, ...attributes } = node.attributes;
  return [{ ...node, attributes, outputs: [decision, sums] }, last];
};

const vectorMachine: Rewrite = (node, rewriting) =>
  floats(node, "prob_a") !== undefined && (node.outputs[1] ?? "") !== ""
    ? asSoftmax(node, rewriting)
    : undefined;

const rewrites: Readonly<Record<string, Rewrite>> = {
  LinearClassifier: linearClassifier,
  Normalizer: normalizer,
  Scaler: scaler,
  SVMClassifier: vectorMachine,
  TreeEnsembleClassifier: treeEnsemble,
};
