import type { GraphBuilder } from "../graph/graph-builder.ts";
import type { GraphNode } from "../graph/graph.ts";

/** Operators that ONNX Runtime computes in its blocked (NCHWc) layout wherever they stand. */
const blocking = new Set(["Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"]);
/** Operators that stay in the blocked layout if all their operands are in it. */
const keeping = new Set([
  "Relu",
  "LeakyRelu",
  "Sigmoid",
  "Tanh",
  "HardSigmoid",
  "HardSwish",
  "Clip",
  "Add",
  "Mul",
  "Sum",
  "Concat",
  "BatchNormalization",
]);

/**
 * Keeps a gradient in ONNX Runtime's blocked layout. An element-wise operator is computed in that layout only if all its
 * operands are, so one gradient in plain layout (after ConvTranspose or Split, say) drags the whole residual chain along
 * and every mask is converted. A max pool with a window of one is the identity, and forces the layout at its place
 * (ResNet50: 28 instead of 61 conversions).
 */
export function layoutPinner(g: GraphBuilder): (cotangent: string, y: string) => string {
  const producers = new Map<string, GraphNode>();
  let seen = 0;
  const producer = (value: string): GraphNode | undefined => {
    const nodes = g.allNodes;
    for (const node of nodes.slice(seen)) for (const output of node.outputs) producers.set(output, node);
    seen = nodes.length;
    return producers.get(value);
  };
  const memo = new Map<string, boolean>();
  const isBlocked = (value: string): boolean => {
    const known = memo.get(value);
    if (known !== undefined) return known;
    const node = producer(value);
    let result = false;
    if (node !== undefined && fits(value)) {
      if (blocking.has(node.opType)) result = node.outputs.length === 1 || node.opType !== "MaxPool";
      else if (node.opType === "Clip" || node.opType === "BatchNormalization")
        result = isBlocked(node.inputs[0] ?? "");
      else if (keeping.has(node.opType)) result = node.inputs.every((input) => isBlocked(input));
    }
    memo.set(value, result);
    return result;
  };
  const fits = (value: string): boolean => {
    if (!g.has(value) || g.type(value) !== "float32") return false;
    const dims = g.dims(value);
    const [, channels, height, width] = dims;
    if (dims.length !== 4 || typeof channels !== "number" || channels % 16 !== 0) return false;
    return typeof height === "number" && typeof width === "number" && height * width > 1;
  };
  return (cotangent, y) => {
    if (!isBlocked(y) || isBlocked(cotangent) || !sameShape(g, cotangent, y)) return cotangent;
    return g.node("MaxPool", [cotangent], { kernel_shape: [1, 1] });
  };
}

function sameShape(g: GraphBuilder, a: string, b: string): boolean {
  const [x, y] = [g.dims(a), g.dims(b)];
  return x.length === y.length && x.every((dim, axis) => dim === y[axis]);
}
