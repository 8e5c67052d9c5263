import { GraphBuilder } from "../graph/graph-builder.ts";
import { batchFactor } from "../graph/graph.ts";
import type { Network } from "./network.ts";

/** Bytes that all activations of one image take together, from the shapes. */
export function activationBytes(network: Network): number {
  const g = new GraphBuilder(network.graph, network.opset, network.known);
  let bytes = 0;
  for (const node of network.graph.nodes) {
    for (const output of node.outputs) {
      if (output === "" || !g.has(output)) continue;
      const isBatched =
        network.input.fixedBatch !== undefined ||
        g.dims(output).some((dim) => batchFactor(dim) !== undefined);
      if (!isBatched) continue;
      bytes += g
        .dims(output)
        .reduce<number>((size, dim) => size * (typeof dim === "number" ? dim : (batchFactor(dim) ?? 1)), 4);
    }
  }
  return bytes / (network.input.fixedBatch ?? 1);
}

/**
 * Images a run may take within a memory budget (bytes). Measured on ResNet50 and DenseNet201: a backward pass keeps
 * about 1.3 times the activations, a forward pass about a third of them. More than 16 images bring no speed.
 */
export function batchWithin(budget: number, bytesAnImage: number, kind: "forward" | "gradient"): number {
  const need = bytesAnImage * (kind === "gradient" ? 1.3 : 0.35);
  return Math.max(1, Math.min(16, Math.floor(budget / Math.max(need, 1))));
}
