import { upsamplingMatrix } from "../../image/upsample.ts";
import { tensor } from "../../tensor/tensor.ts";
import type { GraphBuilder } from "../../graph/graph-builder.ts";

/** Activations `[batch, K, h, w]` of a layer and the gradient of the score there, as values of a graph. */
export interface LayerInGraph {
  readonly activations: string;
  readonly gradients: string;
}

/** The signed map `[batch, 1, h, w]` of a layer. */
export type CamInGraph = (g: GraphBuilder, layer: LayerInGraph) => string;

const places = [2, 3] as const;

const weighted = (g: GraphBuilder, weights: string, activations: string): string =>
  g.reduce("ReduceSum", g.mul(weights, activations), [1]);

/** The maps of the class activation methods, each as the method of the same name makes it with its default parameters. */
export const camsInGraph = {
  "grad-cam": (g, { activations, gradients }) =>
    weighted(g, g.reduce("ReduceMean", gradients, places), activations),
  "wgrad-cam": (g, { activations, gradients }) =>
    weighted(g, g.reduce("ReduceMean", g.mul(gradients, activations), places), activations),
  "grad-cam-pp": (g, { activations, gradients }) =>
    weighted(g, plusPlusWeights(g, { activations, gradients }), activations),
  "x-grad-cam": (g, { activations, gradients }) => {
    const total = g.reduce("ReduceSum", activations, places);
    const guarded = g.add(total, g.where(g.less(total, 0), g.scalar(-1e-7, total), g.scalar(1e-7, total)));
    const sum = g.reduce("ReduceSum", g.mul(gradients, activations), places);
    return weighted(g, g.div(sum, guarded), activations);
  },
  "hires-cam": (g, { activations, gradients }) => weighted(g, gradients, activations),
  "layer-cam": (g, { activations, gradients }) => weighted(g, g.unary("Relu", gradients), activations),
} as const satisfies Readonly<Record<string, CamInGraph>>;

/**
 * Grad-CAM++'s weights sum alpha max(G, 0). alpha = G^2 / (2 G^2 + G^3 T) is computed as 1 / (2 + G T), which does not
 * underflow; its denominator is kept as far from 0 as the method keeps its own, 1e-12 max G^2 / G^2.
 */
function plusPlusWeights(g: GraphBuilder, { activations, gradients }: LayerInGraph): string {
  const total = g.reduce("ReduceSum", activations, places);
  const denominator = g.add(g.mul(gradients, total), 2);
  const largest = g.reduce("ReduceMax", g.unary("Abs", gradients), [1, 2, 3]);
  const ratio = g.div(largest, gradients);
  const least = g.mul(g.mul(ratio, ratio), 1e-12);
  const bound = g.where(g.less(denominator, 0), g.unary("Neg", least), least);
  const guarded = g.where(g.less(g.unary("Abs", denominator), least), bound, denominator);
  // Where the gradient is 0 the ratio is not a number; it is not used there.
  const isZero = g.equal(gradients, 0);
  const alpha = g.where(isZero, g.scalar(0, gradients), g.div(1, guarded));
  return g.reduce("ReduceSum", g.mul(alpha, g.unary("Relu", gradients)), places);
}

/** ReLU and bilinear upsampling (half-pixel) of a signed map `[batch, 1, h, w]` to `[batch, height, width]`, by two matrices. */
export function finishedCam(
  g: GraphBuilder,
  map: string,
  { height, width }: { readonly height: number; readonly width: number },
): string {
  const [h, w] = [g.size(map, 2), g.size(map, 3)];
  const positive = g.unary("Relu", map);
  const rows = g.constant(tensor(upsamplingMatrix(h, height, "half-pixel"), [height, h]));
  const columns = g.transpose(
    g.constant(tensor(upsamplingMatrix(w, width, "half-pixel"), [width, w])),
    [1, 0],
  );
  const up = g.matmul(g.matmul(rows, positive), columns);
  return g.reshape(up, [g.dim(map, 0), height, width]);
}
