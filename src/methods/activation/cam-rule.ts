import { placeCount, type Extent } from "../../image/extent.ts";

/** One layer of one image: activations `A[k, p]` and gradients `G[k, p] = d score / d A`, channel by channel, places row-major. */
export interface LayerValues extends Extent {
  readonly channels: number;
  readonly activations: Float32Array;
  readonly gradients: Float32Array;
}

/** A signed map at the layer's resolution, row-major, and the channel weights if the method has them. */
export interface CamMap {
  readonly map: Float64Array;
  readonly weights?: Float64Array;
}

/** Sum over the places of one channel of `term(a, g)`, in float64. */
export function sumOverPlaces(
  layer: LayerValues,
  channel: number,
  term: (a: number, g: number) => number,
): number {
  const area = placeCount(layer);
  let sum = 0;
  for (let place = channel * area; place < (channel + 1) * area; place++)
    sum += term(layer.activations[place]!, layer.gradients[place]!);
  return sum;
}

/** One number a channel. */
export function perChannel(layer: LayerValues, weight: (channel: number) => number): Float64Array {
  return Float64Array.from({ length: layer.channels }, (_, channel) => weight(channel));
}

/** The map S = sum_k w_k A_k, in float64. */
export function weightedSum(layer: Omit<LayerValues, "gradients">, weights: Float64Array): CamMap {
  const area = placeCount(layer);
  const map = new Float64Array(area);
  for (let channel = 0; channel < layer.channels; channel++) {
    const weight = weights[channel]!;
    if (weight === 0) continue;
    const start = channel * area;
    for (let place = 0; place < area; place++) map[place]! += weight * layer.activations[start + place]!;
  }
  return { map, weights };
}

/** The map S = sum_k term(a_k, g_k), place by place, in float64. */
export function sumOverChannels(layer: LayerValues, term: (a: number, g: number) => number): CamMap {
  const area = placeCount(layer);
  const map = new Float64Array(area);
  for (let index = 0; index < layer.activations.length; index++) {
    map[index % area]! += term(layer.activations[index]!, layer.gradients[index]!);
  }
  return { map };
}
