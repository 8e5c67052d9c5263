import { batchFactor } from "../graph/graph.ts";
import { shapeOf } from "../graph/prepare/batch-shape.ts";
import type { Network } from "./network.ts";

/** Bytes that all activations of one image take together, from the shapes that are known. */
export function activationBytes(network: Network): number {
  const { fixedBatch } = network.input;
  let bytes = 0;
  for (const node of network.graph.nodes) {
    for (const output of node.outputs) {
      const probed = network.known.get(output);
      const dims = probed === undefined ? undefined : shapeOf(probed);
      if (dims === undefined) continue;
      const isBatched = fixedBatch !== undefined || dims.some((dim) => batchFactor(dim) !== undefined);
      if (!isBatched) continue;
      bytes += dims.reduce<number>(
        (size, dim) => size * (typeof dim === "number" ? dim : (batchFactor(dim) ?? 1)),
        4,
      );
    }
  }
  return bytes / (fixedBatch ?? 1);
}

/**
 * Images a run may take within a memory budget (bytes). Measured on ResNet50 and DenseNet201: a backward pass keeps
 * about 1.3 times the activations, a forward pass about a third of them. More than 16 images bring no speed.
 */
export function batchWithin(budget: number, bytesAnImage: number, kind: "forward" | "gradient"): number {
  const need = bytesAnImage * (kind === "gradient" ? 1.3 : 0.35);
  return Math.max(1, Math.min(16, Math.floor(budget / Math.max(need, 1))));
}
