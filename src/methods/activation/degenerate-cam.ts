import type { DegenerateReason } from "../../image/saliency-map.ts";
import type { Layer, ScoreKind } from "../../runtime/model.ts";
import { zeroGradient } from "../zero-gradient.ts";

/** What a class activation map was made from. */
export interface CamFacts {
  readonly layer: Pick<Layer, "name" | "prefixTokens">;
  readonly activations: Float32Array;
  /** Absent for methods that use none. */
  readonly gradients?: Float32Array | undefined;
  /** What was differentiated, for methods that do. */
  readonly score?: ScoreKind | undefined;
  /** Channel weights, for methods that have them. */
  readonly weights?: Float64Array | undefined;
  /** The signed map at the layer's resolution. */
  readonly map: Float64Array;
}

/** Why the map of one layer is empty or says nothing, or `undefined` if it is sound. The deepest cause comes first. */
export function degenerateCam({
  layer: { name, prefixTokens = 0 },
  activations,
  gradients,
  score,
  weights,
  map,
}: CamFacts): DegenerateReason | undefined {
  const layer = `layer '${name}'`;
  if (![activations, gradients ?? [], map].every((values) => values.every(Number.isFinite))) {
    return {
      code: "non-finite",
      message: `At ${layer} there are values that are not finite: the network overflows on this image. Check the preprocessing and the precision of the model.`,
    };
  }
  if (activations.every((value) => value === 0)) {
    return {
      code: "dead-layer",
      message: `All activations of ${layer} are 0, so there is nothing to weight. Choose another layer.`,
    };
  }
  if (gradients?.every((value) => value === 0)) {
    const isUnread = prefixTokens > 0 && (score ?? "logit") === "logit";
    return isUnread ? unreadPlaces(layer) : zeroGradient(layer, score);
  }
  if (map.length === 1) {
    return {
      code: "layer-of-1x1",
      message: `${capitalised(layer)} has a single place, so its map is the same everywhere. Choose an earlier layer.`,
    };
  }
  if (weights?.every((weight) => weight <= 0)) {
    return {
      code: "all-weights-negative",
      message: `No channel of ${layer} speaks for the class: all weights are negative. Explain another class, or look at the signed map.`,
    };
  }
  if (map.every((value) => value <= 0)) {
    return {
      code: "all-negative",
      message: `No place of ${layer} speaks for the class: the map is negative or 0 everywhere. Look at the signed map, or use another layer.`,
    };
  }
  const [first] = map;
  if (map.every((value) => value === first)) {
    return {
      code: "constant",
      message: `All places of ${layer} have the same value, so the map points nowhere. Choose an earlier layer.`,
    };
  }
  return undefined;
}

/** Behind the last attention of a token model only the class token goes on to the score. */
function unreadPlaces(layer: string): DegenerateReason {
  return {
    code: "zero-gradient",
    message: `No place of ${layer} changes the score: what goes on from there is a class token. Choose an earlier layer, before an attention.`,
  };
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
