import { intAttribute, type GraphNode } from "../graph.ts";

/**
 * Where a Concat starts with the inputs of an earlier Concat on the same axis, it reads that one's output instead, as
 * in a DenseNet block, whose every layer joins all the layers before it. Backward, the sums of cotangents nest too.
 */
export function nestConcats(nodes: readonly GraphNode[]): readonly GraphNode[] {
  const seen = new Map<string, { inputs: readonly string[]; output: string }[]>();
  return nodes.map((node) => {
    if (node.opType !== "Concat" || node.domain !== "" || node.inputs.length < 2) return node;
    const key = `${intAttribute(node, "axis", 1)}|${node.inputs[0] ?? ""}|${node.inputs[1] ?? ""}`;
    const earlier = seen.get(key) ?? [];
    // The last ones are the longest, so looking further back would find nothing better.
    const prefix = earlier
      .slice(-8)
      .findLast(
        ({ inputs }) =>
          inputs.length < node.inputs.length && inputs.every((input, index) => input === node.inputs[index]),
      );
    earlier.push({ inputs: node.inputs, output: node.outputs[0] ?? "" });
    seen.set(key, earlier);
    return prefix === undefined
      ? node
      : { ...node, inputs: [prefix.output, ...node.inputs.slice(prefix.inputs.length)] };
  });
}
