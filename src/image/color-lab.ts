import type { Tensor } from "../tensor/tensor.ts";
import { colorImageSize } from "./segmentation.ts";

/**
 * CIELAB (white D65) of an sRGB image, with scikit-image's constants.
 * @param image `[3, H, W]` or `[1, 3, H, W]`, red green blue in 0..1.
 * @returns L (0..100), a, b interleaved, `[H, W, 3]`, in float64 because segmenters compare close distances.
 */
export function rgbToLab(image: Tensor): Float64Array {
  const { height, width } = colorImageSize(image);
  const size = height * width;
  const lab = new Float64Array(size * 3);
  for (let pixel = 0; pixel < size; pixel++) {
    const red = linear(image.data[pixel]!);
    const green = linear(image.data[size + pixel]!);
    const blue = linear(image.data[2 * size + pixel]!);
    const x = curve((0.412453 * red + 0.35758 * green + 0.180423 * blue) / 0.95047);
    const y = curve(0.212671 * red + 0.71516 * green + 0.072169 * blue);
    const z = curve((0.019334 * red + 0.119193 * green + 0.950227 * blue) / 1.08883);
    lab[pixel * 3] = 116 * y - 16;
    lab[pixel * 3 + 1] = 500 * (x - y);
    lab[pixel * 3 + 2] = 200 * (y - z);
  }
  return lab;
}

function linear(value: number): number {
  return value > 0.04045 ? ((value + 0.055) / 1.055) ** 2.4 : value / 12.92;
}

function curve(t: number): number {
  return t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116;
}
