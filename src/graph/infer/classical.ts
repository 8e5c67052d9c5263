import { classLabels } from "../class-labels.ts";
import {
  dimOf,
  knownValue,
  sameShape,
  type InferContext,
  type InferRule,
  type InferTable,
} from "./context.ts";

/** Number of class names that a classifier holds. */
function classCount({ node, fail }: InferContext): number {
  const { length } = classLabels(node);
  return length > 0 ? length : fail("it names no classes.");
}

/** The label `[N]` and a score for each class `[N, K]`. */
const classifier: InferRule = (c) => {
  const count = dimOf(c, c.input(0), 0);
  const type = c.node.attributes["classlabels_strings"]?.kind === "strings" ? "string" : "int64";
  return [knownValue(c, type, [count]), knownValue(c, "float32", [count, classCount(c)])];
};

/** Scores of pairs of classes if there are no probabilities: K (K - 1) / 2. */
const vectorMachine: InferRule = (c) => {
  const [label, scores] = classifier(c);
  if (label === undefined || scores === undefined) return [];
  if (c.node.attributes["prob_a"] !== undefined) return [label, scores];
  const [count = 0, classes = 0] = scores.dims;
  const pairs = classes === 2 ? 2 : (classes * (classes - 1)) / 2;
  return [label, knownValue(c, "float32", [count, pairs])];
};

// Of its first version, with `classes_strings`, names go to numbers and numbers to names.
const encoder: InferRule = (c) => {
  const { values_strings: names, values_floats: floats, classes_strings: classes } = c.node.attributes;
  const isNamed = names !== undefined || (classes !== undefined && c.input(0).type !== "string");
  return [knownValue(c, isNamed ? "string" : floats === undefined ? "int64" : "float32", c.input(0).dims)];
};

/** Shapes of the operators of `ai.onnx.ml` that are not written out in standard ones. */
export const classicalRules: InferTable = {
  LabelEncoder: encoder,
  LinearClassifier: classifier,
  Normalizer: (c) => [sameShape(c)],
  SVMClassifier: vectorMachine,
  Scaler: (c) => [sameShape(c)],
  TreeEnsembleClassifier: classifier,
};
