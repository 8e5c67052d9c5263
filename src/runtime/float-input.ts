import type { Graph, GraphNode, ValueInfo } from "../graph/graph.ts";
import { onnxTypeNumber } from "../tensor/element-type.ts";
import type { NetworkInput } from "./image-input.ts";

/** Operators that only move or copy elements, whatever their type. */
const moving: ReadonlySet<string> = new Set([
  "Concat",
  "Expand",
  "Flatten",
  "Gather",
  "Identity",
  "Pad",
  "Reshape",
  "Resize",
  "Slice",
  "Split",
  "Squeeze",
  "Transpose",
  "Unsqueeze",
]);

/**
 * A model that takes bytes is fed floats instead, so that gradients arrive at the pixels: a Cast that follows has nothing
 * left to do, a DequantizeLinear becomes the subtraction and product that it stands for, and before quantised arithmetic the
 * numbers are quantised in the graph.
 */
export function withFloatInput(graph: Graph, input: NetworkInput): Graph {
  if (input.type === "float32") return graph;
  const floats = new Set([input.name]);
  const nodes = graph.nodes.flatMap((node): readonly GraphNode[] => {
    const [x = ""] = node.inputs;
    if (!floats.has(x)) return [node];
    if (node.opType === "DequantizeLinear") return dequantized(node, node.outputs[0] ?? "");
    if (node.opType.startsWith("QLinear")) {
      const real = `${node.outputs[0] ?? ""}/real`;
      const quantised = `${node.outputs[0] ?? ""}/quantised`;
      const quantize: GraphNode = {
        name: quantised,
        opType: "QuantizeLinear",
        domain: "",
        inputs: [real, ...node.inputs.slice(1, 3)],
        outputs: [quantised],
        attributes: {},
      };
      return [...dequantized(node, real), quantize, { ...node, inputs: node.inputs.with(0, quantised) }];
    }
    if (moving.has(node.opType)) for (const output of node.outputs) floats.add(output);
    return [node];
  });
  const inputs = graph.inputs.map((entry): ValueInfo =>
    entry.name === input.name ? { ...entry, type: "float32" } : entry,
  );
  return { ...graph, inputs, nodes };
}

/** `(x - zero point) scale` of the operands `x, scale, zero point` of a node, in floats. */
function dequantized(node: GraphNode, output: string): readonly GraphNode[] {
  const [x = "", scale = "", zeroPoint = ""] = node.inputs;
  const make = (
    opType: string,
    inputs: readonly string[],
    name: string,
    attributes: GraphNode["attributes"] = {},
  ): GraphNode => ({ name, opType, domain: "", inputs, outputs: [name], attributes });
  if (zeroPoint === "") return [make("Mul", [x, scale], output)];
  const [zero, centred] = [`${output}/zero`, `${output}/centred`];
  return [
    make("Cast", [zeroPoint], zero, { to: { kind: "int", value: onnxTypeNumber("float32") } }),
    make("Sub", [x, zero], centred),
    make("Mul", [centred, scale], output),
  ];
}
