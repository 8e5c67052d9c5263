import { differentiate } from "../../autodiff/differentiate.ts";
import { ParameterError } from "../../errors.ts";
import type { GraphBuilder } from "../../graph/graph-builder.ts";
import type { Normalization } from "../../image/normalize.ts";
import type { Layer } from "../../runtime/model.ts";
import type { Network } from "../../runtime/network.ts";
import { toLayerLayout } from "../../runtime/program-graph.ts";
import { camsInGraph, finishedCam } from "./cam-in-graph.ts";
import type { ExplainedMethod } from "./explained-methods.ts";
import type { InsertedNode } from "./loop-body.ts";
import { appendPathIntegral } from "./path-integral.ts";

/** A method and what it needs to know. */
export interface MapRequest {
  readonly network: Network;
  readonly method: ExplainedMethod;
  readonly layer?: Layer | undefined;
  readonly normalization: Normalization;
  readonly steps?: number;
}

/** Where nodes are appended. */
export interface Place {
  readonly g: GraphBuilder;
  /** Declared inputs that stand for other values in the finished graph. */
  readonly names: Map<string, string>;
  /** Nodes that the builder does not know. */
  readonly inserted: InsertedNode[];
  /** See `loopBody`. */
  readonly isShared?: (initializer: string) => boolean;
}

/** What the network takes, and gives. */
export interface MapValues {
  readonly image: string;
  /** `[batch, K]`; not needed by integrated gradients. */
  readonly logits: string;
  /** `[batch, K]`. */
  readonly oneHot: string;
}

/** Appends the map `[batch, H, W]` of a method behind a network that is there. */
export function appendMap(
  { g, names, inserted, isShared }: Place,
  { network, method, layer, normalization, steps = 50 }: MapRequest,
  { image, logits, oneHot }: MapValues,
): string {
  /** The gradient of the chosen class's logit. */
  const gradientAt = (value: string): string => {
    const { cotangents, gradients } = differentiate(g, { of: [logits], wrt: [value] });
    g.setPrefix("explained");
    names.set(cotangents[logits] ?? "", oneHot);
    return gradients[value] ?? "";
  };
  switch (method) {
    case "gradient": {
      const gradient = asImages(g, network, gradientAt(image));
      return g.reduce("ReduceMax", g.unary("Abs", gradient), [1], false);
    }
    case "input-x-gradient": {
      const gradient = asImages(g, network, gradientAt(image));
      return g.reduce("ReduceSum", g.mul(asImages(g, network, image), gradient), [1], false);
    }
    case "integrated-gradients": {
      const path = { network, image, oneHot, normalization, steps, ...(isShared && { isShared }) };
      return g.reduce("ReduceSum", asImages(g, network, appendPathIntegral(g, path, inserted)), [1], false);
    }
    default: {
      const cam = camsInGraph[method];
      if (layer === undefined) {
        throw new ParameterError(
          `layer: expected one for ${method}, got none. Name it, or use a method without layers.`,
        );
      }
      const gradients = toLayerLayout(g, gradientAt(layer.name), layer);
      const map = cam(g, { activations: toLayerLayout(g, layer.name, layer), gradients });
      return finishedCam(g, map, network.input);
    }
  }
}

/** A value in the layout of the network's input as `[batch, C, H, W]` float32. */
function asImages(g: GraphBuilder, { input }: Network, value: string): string {
  const float = g.cast(value, "float32");
  const batched = g.rank(float) === 3 ? g.reshape(float, [1, ...g.dims(float)]) : float;
  return input.layout === "NHWC" ? g.transpose(batched, [0, 3, 1, 2]) : batched;
}
