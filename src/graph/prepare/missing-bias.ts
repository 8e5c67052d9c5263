import { ModelError } from "../../errors.ts";
import { floatTensor } from "../../tensor/element-type.ts";
import type { GraphNode } from "../graph.ts";
import { addConstant, type Workspace } from "./workspace.ts";

/** The widest bias that is made up: far more than a network has. */
const maxWidth = 2 ** 24;

/**
 * True of an Attention of com.microsoft whose bias is left out, as its schema allows: the CPU kernel of ONNX Runtime 1.30 reads
 * it all the same, and the process ends.
 */
export function lacksBias(node: GraphNode): boolean {
  return node.domain === "com.microsoft" && node.opType === "Attention" && (node.inputs[2] ?? "") === "";
}

/** True if a graph in the node's attributes has such a node, at any depth. */
export function holdsMissingBias({ attributes }: GraphNode): boolean {
  return Object.values(attributes).some(
    (attribute) =>
      attribute.kind === "graph" &&
      attribute.value.nodes.some((node) => lacksBias(node) || holdsMissingBias(node)),
  );
}

/**
 * The node, with a bias of zeros where {@link lacksBias}.
 *
 * @throws {ModelError} if the width of the weight is not known, or one is missing inside a loop or branch
 */
export function withBias(work: Workspace, node: GraphNode): GraphNode {
  if (holdsMissingBias(node)) {
    throw new ModelError(
      `${node.opType} at node '${node.name}': expected a bias at each Attention inside, got one without. ONNX Runtime's kernel ends the process without a bias; export the model with one.`,
    );
  }
  if (!lacksBias(node)) return node;
  const [input = "", weight = "", , ...rest] = node.inputs;
  const known = work.known.get(weight)?.[0];
  const width = known?.dims[1];
  if (known === undefined || width === undefined || width > maxWidth || !known.type.includes("float")) {
    throw new ModelError(
      `Attention at node '${node.name}': expected a bias or a weight of known shape, got neither. ONNX Runtime's kernel ends the process without a bias; export the model with one.`,
    );
  }
  const zeros = floatTensor(known.type, Array<number>(width).fill(0), [width]);
  const bias = addConstant(work, zeros, `${node.outputs[0] ?? node.name}/bias`);
  return { ...node, inputs: [input, weight, bias, ...rest] };
}
