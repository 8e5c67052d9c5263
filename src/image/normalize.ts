/**
 * How pixel values become network input: `input[c] = (pixel[order[c]] - mean[c]) / std[c]` with pixels in 0..1.
 * `mean` and `std` are given in the order of the network's channels.
 */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly channelOrder: "RGB" | "BGR" | "gray";
}

/** The input-space value of a pixel value (0..1) in network channel `channel`. */
export function toInputSpace(normalization: Normalization, channel: number, pixel: number): number {
  const { mean, std } = normalization;
  const index = Math.min(channel, mean.length - 1);
  return (pixel - (mean[index] ?? 0)) / (std[index] ?? 1);
}

/** The pixel value (0..1, unclipped) of an input-space value in network channel `channel`. */
export function toPixelSpace(normalization: Normalization, channel: number, value: number): number {
  const { mean, std } = normalization;
  const index = Math.min(channel, mean.length - 1);
  return value * (std[index] ?? 1) + (mean[index] ?? 0);
}
