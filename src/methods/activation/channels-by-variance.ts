/** Channel indices, the one with the largest variance over its places first; equal ones in order. */
export function channelsByVariance(activations: Float32Array, channels: number): readonly number[] {
  const area = activations.length / channels;
  const variances = Array.from({ length: channels }, (_, channel) => {
    const values = activations.subarray(channel * area, (channel + 1) * area);
    const mean = values.reduce((sum, value) => sum + value, 0) / area;
    return values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  });
  return variances.map((_, channel) => channel).sort((a, b) => variances[b]! - variances[a]!);
}
