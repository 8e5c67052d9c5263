import { describe, expect, it } from "vitest";
import { inProcessRuntime } from "../../tests/support/in-process-runtime.ts";
import type { Attribute, Graph, GraphNode } from "../graph/graph.ts";
import { writeModel } from "../onnx/write.ts";
import { tensor } from "../tensor/tensor.ts";
import { withStandardClassifiers } from "./classical-operators.ts";

const floats = (...value: number[]): Attribute => ({ kind: "floats", value });
const ints = (...value: number[]): Attribute => ({ kind: "ints", value });
const text = (value: string): Attribute => ({ kind: "string", value });
const three = { classlabels_strings: { kind: "strings", value: ["ant", "bee", "cat"] } } as const;

function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: GraphNode["attributes"] = {},
  domain = "ai.onnx.ml",
): GraphNode {
  return { name: outputs.at(-1) ?? "", opType, domain, inputs, outputs, attributes };
}

/** A graph of the nodes from `x` [2, 4] to `scores`. */
function graphOf(...nodes: readonly GraphNode[]): Graph {
  const value = (name: string) => ({ name, type: "float32", dims: undefined }) as const;
  const one = { type: "float32", dims: [], data: Float32Array.of(1) } as const;
  return {
    name: "classical",
    inputs: [{ name: "x", type: "float32", dims: ["n", 4] }],
    outputs: [value("scores")],
    nodes,
    initializers: new Map([
      ["one", { name: "one", type: "float32", dims: [], data: { kind: "memory", tensor: one } }],
    ]),
    valueInfo: new Map(),
  };
}

const rows = tensor([0.5, -1, 2, 0.25, -0.3, 1.5, 0.1, -2], [2, 4]);

async function scoresOf(graph: Graph): Promise<readonly number[]> {
  const opsets = new Map([
    ["", 17],
    ["ai.onnx.ml", 3],
  ]);
  const session = await inProcessRuntime.createSession(writeModel({ graph, opsets, irVersion: 8 }));
  const { scores } = await session.run({ x: rows });
  await session.release();
  return Array.from(scores?.data as Float32Array);
}

const linear = (post: string, attributes: GraphNode["attributes"] = {}, output = "scores"): GraphNode =>
  node("LinearClassifier", ["x"], ["label", output], {
    coefficients: floats(1, -2, 0.5, 3, 0, 1, -1, 0.25, 2, 0.1, -0.3, 1),
    intercepts: floats(0.1, -0.2, 0.3),
    post_transform: text(post),
    ...three,
    ...attributes,
  });
const pair = {
  coefficients: floats(1, -2, 0.5, 3),
  intercepts: floats(0.1),
  classlabels_strings: { kind: "strings", value: ["no", "yes"] },
} as const;
const l1 = node("Normalizer", ["raw"], ["scores"], { norm: text("L1") });

/** Two stumps: x[0] <= 0 votes for class 0, else 1; x[1] <= 1 for class 2, else 1. */
const forest = (post: string, votes: readonly number[]): GraphNode =>
  node("TreeEnsembleClassifier", ["x"], ["label", "scores"], {
    nodes_treeids: ints(0, 0, 0, 1, 1, 1),
    nodes_nodeids: ints(0, 1, 2, 0, 1, 2),
    nodes_featureids: ints(0, 0, 0, 1, 0, 0),
    nodes_values: floats(0, 0, 0, 1, 0, 0),
    nodes_modes: { kind: "strings", value: ["BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"] },
    nodes_truenodeids: ints(1, 0, 0, 1, 0, 0),
    nodes_falsenodeids: ints(2, 0, 0, 2, 0, 0),
    nodes_missing_value_tracks_true: ints(0, 0, 0, 0, 0, 0),
    class_treeids: ints(0, 0, 1, 1),
    class_nodeids: ints(1, 2, 1, 2),
    class_ids: ints(0, 1, 2, 1),
    class_weights: floats(...votes),
    post_transform: text(post),
    ...three,
  });

/** What must remain of the domain, and what the scores come out of. */
const cases: readonly (readonly [string, readonly GraphNode[], readonly string[], string])[] = [
  ["a linear classifier's sums", [linear("NONE")], ["LabelEncoder"], "Identity"],
  ["its softmax", [linear("SOFTMAX")], ["LabelEncoder"], "Softmax"],
  ["its sigmoids", [linear("LOGISTIC")], ["LabelEncoder"], "Sigmoid"],
  ["one row of weights for two classes", [linear("LOGISTIC", pair)], ["LabelEncoder"], "Sigmoid"],
  ["probabilities divided by their sum", [linear("SOFTMAX", {}, "raw"), l1], ["LabelEncoder"], "Identity"],
  ["sigmoids divided by their sum", [linear("LOGISTIC", {}, "raw"), l1], ["LabelEncoder"], "Softmax"],
  ["a row of length 1", [node("Normalizer", ["x"], ["scores"], { norm: text("L2") })], [], "LpNormalization"],
  [
    "features moved and scaled",
    [node("Scaler", ["x"], ["scores"], { offset: floats(1, 2, 3, 4), scale: floats(2, 1, 0.5, -1) })],
    [],
    "Mul",
  ],
  [
    "all features scaled alike",
    [node("Scaler", ["x"], ["scores"], { offset: floats(1), scale: floats(2) })],
    [],
    "Mul",
  ],
  ["the votes of trees", [forest("NONE", [0.5, 0.5, 0.5, 0.5])], ["TreeEnsembleClassifier"], "Softmax"],
  ["the softmax of trees", [forest("SOFTMAX", [2, -1, 1, 3])], ["TreeEnsembleClassifier"], "Softmax"],
  [
    "a sigmoid and what is left to 1",
    [
      node("ReduceSum", ["x"], ["z"], {}, ""),
      node("Sigmoid", ["z"], ["p"], {}, ""),
      node("Sub", ["one", "p"], ["rest"], {}, ""),
      node("Concat", ["rest", "p"], ["scores"], { axis: { kind: "int", value: 1 } }, ""),
    ],
    [],
    "Sigmoid",
  ],
];

describe("classical machine learning in standard operators", () => {
  it.each(cases)("gives the same: %s", async (_, nodes, left, last) => {
    const graph = graphOf(...nodes);
    const standard = withStandardClassifiers(graph);
    expect(standard.nodes.filter(({ domain }) => domain !== "").map(({ opType }) => opType)).toEqual(left);
    expect(standard.nodes.find(({ outputs }) => outputs.includes("scores"))?.opType).toBe(last);
    const [found, wanted] = [await scoresOf(standard), await scoresOf(graph)];
    expect(found).toHaveLength(wanted.length);
    found.forEach((value, index) => expect(value).toBeCloseTo(wanted[index] ?? Number.NaN, 5));
  });

  it("leaves rare transforms, and sums of trees that are no probabilities, as they are", () => {
    for (const left of [linear("PROBIT"), forest("NONE", [2, -1, 1, 3])])
      expect(withStandardClassifiers(graphOf(left)).nodes).toEqual([left]);
  });

  it("keeps the labels of a linear classifier", () => {
    const encoder = withStandardClassifiers(graphOf(linear("SOFTMAX"))).nodes.at(-1);
    expect(encoder?.outputs).toEqual(["label"]);
    expect(encoder?.attributes["values_strings"]).toEqual({ kind: "strings", value: ["ant", "bee", "cat"] });
  });
});
