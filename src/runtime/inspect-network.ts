import { differentiableOutputs, isFloat } from "../autodiff/differentiable-outputs.ts";
import { nonDifferentiableOps } from "../autodiff/non-differentiable.ts";
import { vjps } from "../autodiff/vjps/index.ts";
import { ExplainError } from "../errors.ts";
import type { Graph, GraphNode, Shape } from "../graph/graph.ts";
import { valuesRead } from "../graph/prepare/subgraph.ts";
import type { ElementType } from "../tensor/tensor.ts";
import type { Layer, Program } from "./model.ts";
import type { Network } from "./network.ts";
import { buildProgramGraph } from "./program-graph.ts";

/** An input or output as the file declares it. */
export interface DeclaredValue {
  readonly name: string;
  readonly type: ElementType;
  /** `undefined`: the file does not say. */
  readonly dims: Shape | undefined;
}

/** An operator between the image and the logits. */
export interface OperatorUse {
  /** `Conv`, or `domain:OpType` outside the standard domain. */
  readonly operator: string;
  readonly count: number;
  /** `constant`: no gradient passes by its nature (rounding, comparisons). `missing`: there is no rule for it. */
  readonly gradient: "rule" | "constant" | "missing";
}

/** What can be done with a model, found without running it. */
export interface NetworkReport {
  readonly inputs: readonly DeclaredValue[];
  readonly outputs: readonly DeclaredValue[];
  /** How the image goes in. `fixedBatch` is the batch size if the file fixes it. */
  readonly image: Network["input"];
  readonly logits: {
    readonly value: string;
    readonly output: string;
    readonly classCount: number;
    /** The activation that stood behind the logits and is left out, if any. */
    readonly cut: string | undefined;
    readonly probabilityKind: "softmax" | "sigmoid";
  };
  readonly nodeCount: number;
  readonly operators: readonly OperatorUse[];
  /** Why the gradient at the image cannot be had; `undefined` if it can. */
  readonly inputGradientProblem: string | undefined;
  /** Why the gradient at the layer cannot be had; `undefined` if it can. */
  readonly layerGradientProblem: string | undefined;
}

/** Nodes through which numbers (not shapes or indices) flow from the image to the logits. */
function nodesOnPath({ graph, known, input, tail }: Network): readonly GraphNode[] {
  const active = new Set([input.name]);
  for (const node of graph.nodes) {
    if (!valuesRead(node).some((name) => active.has(name))) continue;
    for (const output of differentiableOutputs(node, (value) => known.get(value)?.[0].type))
      active.add(output);
    // Operators without a gradient by their nature are shown, too.
    if (!nonDifferentiableOps.has(node.opType) || node.opType === "Shape" || node.opType === "Size") continue;
    for (const output of node.outputs)
      if (isFloat(known.get(output)?.[0].type ?? "int64")) active.add(output);
  }
  const useful = new Set([tail.logits]);
  const path: GraphNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => useful.has(output) && active.has(output))) continue;
    path.push(node);
    for (const name of valuesRead(node)) if (active.has(name)) useful.add(name);
  }
  return path;
}

function operatorUses(nodes: readonly GraphNode[]): readonly OperatorUse[] {
  const counts = new Map<string, number>();
  for (const { domain, opType } of nodes) {
    const operator = domain === "" ? opType : `${domain}:${opType}`;
    counts.set(operator, (counts.get(operator) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || a.localeCompare(b))
    .map(([operator, count]) => {
      const isConstant = nonDifferentiableOps.has(operator);
      return {
        operator,
        count,
        gradient: vjps[operator] !== undefined ? "rule" : isConstant ? "constant" : "missing",
      };
    });
}

/** The sentence of what goes wrong when the gradient's graph is built, or `undefined`. */
function gradientProblem(
  network: Network,
  program: Program,
  layer: (name: string) => Layer,
): string | undefined {
  try {
    buildProgramGraph(network, program, layer);
    return undefined;
  } catch (error) {
    // Anything else is a fault of ours and must not pass as a fault of the model.
    if (error instanceof ExplainError) return error.message;
    throw error;
  }
}

/**
 * Says of an analysed model what goes in, where the logits are and which gradients can be had. Builds the gradients' graphs
 * (attribute values without a rule only show there) but runs nothing.
 * @param layer resolves layer names, see `Model.layer`.
 */
export function inspectNetwork(
  network: Network,
  declared: Graph,
  target: Layer | undefined,
  layer: (name: string) => Layer,
): NetworkReport {
  const { tail, input } = network;
  const nodes = nodesOnPath(network);
  return {
    inputs: declared.inputs
      .filter(({ name }) => !declared.initializers.has(name))
      .map(({ name, type, dims }) => ({ name, type, dims })),
    outputs: declared.outputs.map(({ name, type, dims }) => ({ name, type, dims })),
    image: input,
    logits: {
      value: tail.logits,
      output: tail.output,
      classCount: tail.logitCount,
      cut: tail.cut,
      probabilityKind: tail.probabilityKind,
    },
    nodeCount: network.graph.nodes.length,
    operators: operatorUses(nodes),
    inputGradientProblem: gradientProblem(network, { key: "inspect", wrt: ["image"] }, layer),
    layerGradientProblem:
      target === undefined
        ? "There is no target layer."
        : gradientProblem(network, { key: "inspect", layers: [target.name], wrt: [target.name] }, layer),
  };
}
