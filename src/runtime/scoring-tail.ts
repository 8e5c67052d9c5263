import { ModelError } from "../errors.ts";
import { classLabels } from "../graph/class-labels.ts";
import { intAttribute, type Graph, type GraphNode, type Shape } from "../graph/graph.ts";

/** Where the classes are scored. */
export interface ScoringTail {
  /** The value with the logits (before any final softmax or sigmoid). */
  readonly logits: string;
  /** How probabilities come from logits. */
  readonly probabilityKind: "softmax" | "sigmoid";
  /** The activation that the file itself ends in, if any; the logits lie before it. */
  readonly cut: string | undefined;
  /** The output it was found from, or the scores behind an output that holds labels, ranks or a map of names. */
  readonly output: string;
  /** Number of logits an image. */
  readonly logitCount: number;
  /** Class names that the file itself holds, behind the scores. */
  readonly labels: readonly string[] | undefined;
}

const passThrough = new Set(["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Cast", "Dropout"]);

/** The size of `[batch, K]`, `[batch, K, 1, 1]` or `[K]` (batch 1), or `undefined` for anything else. */
function classAxis(dims: Shape): number | undefined {
  const rest = dims.slice(1).filter((dim) => dim !== 1);
  if (dims.length === 0 || rest.length > 1) return undefined;
  if (dims.length === 1) return typeof dims[0] === "number" ? dims[0] : 1;
  const size = rest[0] ?? 1;
  return typeof size === "number" ? size : undefined;
}

/** Operators that turn scores into labels, ranks or maps of names; the number is the input with the scores. */
const deciding: Readonly<Record<string, number>> = {
  ArgMax: 0,
  TopK: 0,
  ZipMap: 0,
  CategoryMapper: 0,
  LabelEncoder: 0,
  ArrayFeatureExtractor: 1,
};

/** The scores behind an output that holds labels, ranks or maps, and the class names on the way; the output itself otherwise. */
function scoresBehind(
  output: string,
  producers: ReadonlyMap<string, GraphNode>,
  { initializers }: Graph,
): { readonly scores: string; readonly labels: readonly string[] | undefined } {
  let value = output;
  let labels: readonly string[] | undefined;
  let scores = output;
  for (;;) {
    const node = producers.get(value);
    if (node === undefined) return { scores, labels };
    // A classifier of classical machine learning gives the label beside the scores.
    const [label, besides = ""] = node.domain === "ai.onnx.ml" ? node.outputs : [];
    if (label === value && besides !== "") return { scores: besides, labels: labels ?? classNames(node) };
    const position = deciding[node.opType];
    if (position === undefined && !passThrough.has(node.opType) && node.opType !== "SequenceConstruct")
      return { scores, labels };
    value = node.inputs[position ?? 0] ?? "";
    if (position === undefined) continue;
    scores = value;
    labels ??= classNames(node) ?? pickedNames(node, initializers);
  }
}

function classNames(node: GraphNode): readonly string[] | undefined {
  const labels = classLabels(node);
  if (labels.length > 0) return labels;
  const named = node.attributes["values_strings"];
  return named?.kind === "strings" && named.value.length > 0 ? named.value : undefined;
}

/** The names of which ArrayFeatureExtractor takes one: the labels of scikit-learn's classifiers. */
function pickedNames(
  { opType, inputs }: GraphNode,
  initializers: Graph["initializers"],
): readonly string[] | undefined {
  const data = opType === "ArrayFeatureExtractor" ? initializers.get(inputs[0] ?? "")?.data : undefined;
  return data?.kind === "memory" ? Array.from<unknown>(data.tensor.data).map(String) : undefined;
}

/** Scores that the file gives in one output a class (skl2onnx with `zipmap` of columns), with the outputs' names. */
function columns(
  outputs: readonly string[],
  producers: ReadonlyMap<string, GraphNode>,
): readonly { readonly scores: string; readonly labels: readonly string[] }[] {
  const groups = new Map<string, string[]>();
  for (const output of outputs) {
    let node = producers.get(output);
    while (node !== undefined && passThrough.has(node.opType)) node = producers.get(node.inputs[0] ?? "");
    if (node?.opType !== "Slice") continue;
    const scores = node.inputs[0] ?? "";
    groups.set(scores, [...(groups.get(scores) ?? []), output]);
  }
  return [...groups].flatMap(([scores, labels]) => (labels.length > 1 ? [{ scores, labels }] : []));
}

/** Walks back from an output through shape changes to a final softmax or sigmoid. */
function walkBack(
  output: string,
  producers: ReadonlyMap<string, GraphNode>,
): { readonly logits: string; readonly node: GraphNode | undefined } {
  let value = output;
  for (;;) {
    const node = producers.get(value);
    const input = node?.inputs[0];
    if (node === undefined || input === undefined) return { logits: output, node: undefined };
    if (node.opType === "Softmax" || node.opType === "LogSoftmax" || node.opType === "Sigmoid")
      return { logits: input, node };
    if (!passThrough.has(node.opType)) return { logits: output, node: undefined };
    value = input;
  }
}

/**
 * Finds the logits. With several outputs: the one asked for, else the widest one that has one number a class; where a
 * probability and its logits are both outputs they lead to the same place.
 *
 * @param unknown why values have no known shape
 * @throws ModelError if no output has one number a class, naming what there is.
 */
export function findScoringTail(
  graph: Graph,
  dims: (value: string) => Shape | undefined,
  wanted?: string,
  unknown: ReadonlyMap<string, string> = new Map(),
): ScoringTail {
  const producers = new Map(
    graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)),
  );
  const names = graph.outputs.map((output) => output.name);
  if (wanted !== undefined && !producers.has(wanted)) {
    throw new ModelError(
      `Output '${wanted}': the model has no such value. Its outputs are: ${names.join(", ")}.`,
    );
  }
  const behind = [
    ...(wanted === undefined ? names : [wanted]).map((output) => scoresBehind(output, producers, graph)),
    ...(wanted === undefined ? columns(names, producers) : []),
  ];
  const labels = behind.find((entry) => entry.labels !== undefined)?.labels;
  const candidates = behind.flatMap(({ scores: output }) => {
    const shape = dims(output);
    const size = shape === undefined ? undefined : classAxis(shape);
    return size === undefined ? [] : [{ output, size }];
  });
  const value = (candidate: (typeof candidates)[number]): number =>
    score(candidate, producers) + (names.includes(candidate.output) ? 0.5 : 0);
  const best = [...candidates].sort((a, b) => value(b) - value(a))[0];
  if (best === undefined) {
    const asked = wanted === undefined ? names : [wanted];
    const found = asked.map((name) => `${name} [${dims(name)?.join(", ") ?? "unknown shape"}]`);
    const reason = asked.map((name) => unknown.get(name)).find((text) => text !== undefined);
    throw new ModelError(
      `Outputs: expected one with a score for each class, [batch, classes], found ${found.join(", ") || "none"}. ` +
        (reason === undefined
          ? "This does not look like an image classifier; name the value with the class scores with --output if it is one."
          : `The shape cannot be found: ${reason} Write the output's shape into the file (onnx.shape_inference, or by hand) to explain it without gradients.`),
    );
  }
  const { logits, node } = walkBack(best.output, producers);
  const isSigmoid = node?.opType === "Sigmoid" || (node === undefined && best.size === 1);
  if (node?.opType.endsWith("Softmax") === true) requireClassAxis(node, dims(logits));
  return {
    logits,
    probabilityKind: isSigmoid ? "sigmoid" : "softmax",
    cut: node?.opType,
    output: best.output,
    logitCount: best.size,
    labels: labels?.length === best.size ? labels : undefined,
  };
}

/** A softmax over another axis than the classes is no scoring tail but part of the network. */
function requireClassAxis(node: GraphNode, shape: Shape | undefined): void {
  if (shape === undefined) return;
  const axis = intAttribute(node, "axis", -1);
  const size = shape[axis < 0 ? axis + shape.length : axis];
  if (classAxis(shape) !== size) {
    throw new ModelError(
      `Softmax at node '${node.name}': runs over an axis of ${String(size)}, not over the classes.`,
    );
  }
}

function score(
  candidate: { readonly output: string; readonly size: number },
  producers: ReadonlyMap<string, GraphNode>,
): number {
  const { node } = walkBack(candidate.output, producers);
  const isNamed = /logit|prob|score|class|pred|softmax|output/i.test(candidate.output);
  const isFeature = /feat|embed|pool|hidden/i.test(candidate.output);
  return (
    (node === undefined ? 0 : 4) +
    (isNamed ? 2 : 0) -
    (isFeature ? 3 : 0) +
    (candidate.size > 1 ? 1 : 0) +
    candidate.size * 1e-6
  );
}
