import type { RuleOverrides } from "../autodiff/rules.ts";
import type { Graph } from "../graph/graph.ts";

const passThrough = new Set(["DequantizeLinear", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"]);

/**
 * The gradient rule for the quantiser that rounds the scores themselves: the identity, also where it clips. Quantisers of ONNX Runtime
 * take their range from a few images, so that the score of the class that wins lies beyond it as a rule; with the clipping's
 * gradient, 0, such a class would have an empty map. Which way the score would go is not a matter of the range that its
 * integers have.
 */
export function scoreRounding(graph: Graph, logits: string): RuleOverrides {
  let value = logits;
  for (;;) {
    const node = graph.nodes.find((candidate) => candidate.outputs.includes(value));
    if (node?.opType === "QuantizeLinear" && node.name !== "")
      return { [`node:${node.name}`]: ({ g, x, dy, full }) => g.cast(full(dy), g.type(x)) };
    if (node === undefined || !passThrough.has(node.opType)) return {};
    value = node.inputs[0] ?? "";
  }
}
