import { intAttribute, type Graph, type GraphNode } from "../graph/graph.ts";
import { valuesRead } from "../graph/prepare/subgraph.ts";

/** A graph as it is meant to be used, and what had to be changed for that. */
export interface InferenceMode {
  readonly graph: Graph;
  /** A sentence for the user if anything was changed. */
  readonly notes: readonly string[];
}

/**
 * Switches off what an export in training mode leaves on between the image and the scores: BatchNormalization by the
 * statistics of the batch (each image's scores would depend on the images beside it) and Dropout (each run would give
 * another map). Both become what they are at inference: the stored statistics, and nothing. Nodes that do not depend on an
 * input are left alone: some networks standardise their weights with BatchNormalization in training mode.
 *
 * @param graph as read, before any preparation: of any opset from 7 on
 */
export function inferenceMode(graph: Graph): InferenceMode {
  const dependent = new Set(
    graph.inputs.map(({ name }) => name).filter((name) => !graph.initializers.has(name)),
  );
  const read = new Set([...graph.outputs.map(({ name }) => name), ...graph.nodes.flatMap(valuesRead)]);
  const constants = constantFlags(graph);
  const changed = { BatchNormalization: 0, Dropout: 0 };
  const nodes = graph.nodes.map((node): GraphNode => {
    if (!valuesRead(node).some((value) => dependent.has(value))) return node;
    for (const output of node.outputs) if (output !== "") dependent.add(output);
    if (node.domain !== "" && node.domain !== "ai.onnx") return node;
    if (node.opType === "BatchNormalization" && isTrainingNormalization(node)) {
      // Updated statistics are outputs that an optimiser reads; here nothing may.
      if (node.outputs.slice(1).some((output) => read.has(output))) return node;
      changed.BatchNormalization++;
      const { training_mode: _, ...attributes } = node.attributes;
      return { ...node, attributes, outputs: node.outputs.slice(0, 1) };
    }
    if (node.opType === "Dropout" && constants.get(node.inputs[2] ?? "") === true) {
      changed.Dropout++;
      return { ...node, inputs: node.inputs.slice(0, 2) };
    }
    return node;
  });
  const found = Object.entries(changed).filter(([, count]) => count > 0);
  if (found.length === 0) return { graph, notes: [] };
  const what = found.map(([opType, count]) => `${count} ${opType}`).join(" and ");
  return {
    graph: { ...graph, nodes },
    notes: [
      `The file was exported in training mode (${what}): explained as at inference, with the stored statistics and without dropping anything. ` +
        "The file itself gives other scores, which vary with the batch or from run to run; export it again in evaluation mode.",
    ],
  };
}

/** Training mode is an attribute since opset 14; before, it was asked for by naming the outputs of the statistics. */
function isTrainingNormalization(node: GraphNode): boolean {
  return (
    intAttribute(node, "training_mode", 0) === 1 || node.outputs.slice(1).some((output) => output !== "")
  );
}

/** Values of one constant boolean. */
function constantFlags(graph: Graph): ReadonlyMap<string, boolean> {
  const flags = new Map<string, boolean>();
  for (const { name, data } of graph.initializers.values()) {
    if (data.kind === "memory" && data.tensor.type === "bool") flags.set(name, Boolean(data.tensor.data[0]));
  }
  for (const node of graph.nodes) {
    const value = node.opType === "Constant" ? node.attributes["value"] : undefined;
    if (value?.kind === "tensor" && value.value.data.kind === "memory" && value.value.type === "bool") {
      flags.set(node.outputs[0] ?? "", Boolean(value.value.data.tensor.data[0]));
    }
    const source = node.opType === "Identity" ? flags.get(node.inputs[0] ?? "") : undefined;
    if (source !== undefined) flags.set(node.outputs[0] ?? "", source);
  }
  return flags;
}
