import {
  axisOf,
  knownValue,
  sameShape,
  type InferContext,
  type InferRule,
  type InferTable,
} from "./context.ts";
import type { KnownValue } from "../infer-node.ts";

const passive: InferRule = (c) => [sameShape(c)];

// Opset 13 and older list up to four more outputs (statistics), all of one value a channel.
const batchNormalization: InferRule = (c) => {
  const perChannel = sameShape(c, 1);
  return [sameShape(c), ...c.node.outputs.slice(1).map(() => perChannel)];
};

/** Mean and inverse deviation over the axes from `axis` on, kept with size 1. */
function statistics(c: InferContext, x: KnownValue): KnownValue {
  const axis = axisOf(c, c.int("axis", -1), x.dims.length);
  const type = c.int("stash_type", 1) === 1 ? "float32" : x.type;
  return knownValue(
    c,
    type,
    x.dims.map((dim, a) => (a < axis ? dim : 1)),
  );
}

export const layerNormalization: InferRule = (c) => {
  const mean = statistics(c, c.input(0));
  return [sameShape(c), mean, mean];
};

/** Normalisations: all keep the shape of their input. */
export const normalizationRules: InferTable = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  SimplifiedLayerNormalization: (c) => [sameShape(c), statistics(c, c.input(0))],
  RMSNormalization: passive,
  InstanceNormalization: passive,
  GroupNormalization: passive,
  MeanVarianceNormalization: passive,
  LpNormalization: passive,
  LRN: passive,
  Dropout: (c) => [sameShape(c), knownValue(c, c.opset >= 10 ? "bool" : c.input(0).type, c.input(0).dims)],
};
