import { toPixelSpace, type Normalization } from "../../image/normalize.ts";
import { filled, type Tensor } from "../../tensor/tensor.ts";

/**
 * The photograph that an input was made from: `[1, 3, H, W]`, red green blue in 0..1 (clipped), from `[1, C, H, W]` in
 * input space. A single channel is replicated.
 */
export function pixelImageOf(input: Tensor, normalization: Normalization): Tensor {
  const [, channels = 1, height = 1, width = 1] = input.dims;
  const area = height * width;
  const image = filled([1, 3, height, width]);
  for (let color = 0; color < 3; color++) {
    const channel = channels < 3 ? 0 : normalization.channelOrder === "BGR" ? 2 - color : color;
    for (let pixel = 0; pixel < area; pixel++) {
      const value = toPixelSpace(normalization, channel, input.data[channel * area + pixel]!);
      image.data[color * area + pixel] = Math.min(Math.max(value, 0), 1);
    }
  }
  return image;
}
