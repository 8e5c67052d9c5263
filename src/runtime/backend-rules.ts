import type { RuleOverrides } from "../autodiff/rules.ts";
import { maxPoolUnrolled } from "../autodiff/vjps/max-pooling.ts";
import { intsAttribute, type Graph } from "../graph/graph.ts";

/**
 * Gradient rules that a device needs instead of the standard ones. WebGPU accepts the Indices output of MaxPool when a
 * model is loaded and fails when it runs, so there the windows are compared with their maximum.
 */
export function backendRules(device: string): RuleOverrides {
  return device === "webgpu" ? { MaxPool: maxPoolUnrolled } : {};
}

/**
 * Why a network must not run on WebGPU, or `undefined`. ONNX Runtime 1.30 computes convolutions with kernels of 1 x 1 and
 * padding wrongly there, without an error; a check of the gradient cannot see it, because the wrong function has a gradient
 * too.
 */
export function webGpuObstacle(graph: Pick<Graph, "nodes" | "initializers">): string | undefined {
  const padded = graph.nodes.find((node) => {
    if (node.opType !== "Conv" || intsAttribute(node, "pads")?.some((pad) => pad > 0) !== true) return false;
    const weights = graph.initializers.get(node.inputs[1] ?? "");
    const kernel = intsAttribute(node, "kernel_shape") ?? weights?.dims.slice(2) ?? [];
    return kernel.length > 0 && kernel.every((size) => size === 1);
  });
  if (padded === undefined) return undefined;
  return `it has a convolution of 1 x 1 with padding (${padded.name || (padded.outputs[0] ?? "")}), which WebGPU computes wrongly`;
}
