import { assertNever } from "../errors.ts";
import { gaussianBlur } from "../image/gaussian-blur.ts";
import { toInputSpace } from "../image/normalize.ts";
import type { Model } from "../runtime/model.ts";
import { filled, type Tensor } from "../tensor/tensor.ts";

/** What stands where pixels of the photograph were removed. */
export type SubstrateKind =
  /** The photograph under a Gaussian of 51 pixels, sigma 50: the paper's. */
  | "blur"
  /** Zero in input space, the mean colour of the training set: a grey. */
  | "mean"
  /** Black in pixel space. */
  | "black"
  /** The blur of RISE's evaluation code: nearly a box of 11 pixels, fading to the mean colour at the borders. */
  | "rise-blur";

/** The substrate image `[1, C, H, W]` in input space. */
export function substrate(kind: SubstrateKind, model: Model, input: Tensor): Tensor {
  switch (kind) {
    case "blur":
      return gaussianBlur(input, { size: largestOddKernel(51, model.height, model.width), sigma: 50 });
    case "mean":
      return filled(input.dims);
    case "black":
      return solid(model, input, 0);
    case "rise-blur":
      return riseBlur(input);
    default:
      return assertNever(kind);
  }
}

/** An image of one pixel value (0..1) in every channel. */
export function solid(model: Model, input: Tensor, pixel: number): Tensor {
  const image = filled(input.dims);
  const plane = model.height * model.width;
  for (let channel = 0; channel < model.channels; channel++) {
    image.data.fill(
      toInputSpace(model.normalization, channel, pixel),
      channel * plane,
      (channel + 1) * plane,
    );
  }
  return image;
}

// The border rule mirrors once: the kernel may reach at most to the opposite edge.
function largestOddKernel(size: number, height: number, width: number): number {
  return Math.min(size, 2 * Math.min(height, width) - 1);
}

/**
 * The one-dimensional factor of RISE's blur kernel: a unit impulse in 11 places, filtered by a Gaussian of sigma 5, cut
 * at 4 sigma, whose tails are folded back at the ends of the 11 places.
 */
export function riseKernel(): Float64Array {
  const [size, sigma, radius] = [11, 5, 20];
  const kernel = new Float64Array(size);
  for (let offset = -radius; offset <= radius; offset++) {
    const weight = Math.exp((-0.5 * offset * offset) / (sigma * sigma));
    const folded = (((offset + 5) % (2 * size)) + 2 * size) % (2 * size);
    const place = folded < size ? folded : 2 * size - 1 - folded;
    kernel[place] = (kernel[place] ?? 0) + weight;
  }
  const sum = kernel.reduce((total, weight) => total + weight, 0);
  return kernel.map((weight) => weight / sum);
}

/** Convolution with RISE's kernel, zeros beyond the borders. */
function riseBlur(input: Tensor): Tensor {
  const kernel = riseKernel();
  const [height, width] = [input.dims[2] ?? 1, input.dims[3] ?? 1];
  const along = convolveZeroPadded(input.data, kernel, { length: width, stride: 1, height, width });
  const both = convolveZeroPadded(along, kernel, { length: height, stride: width, height, width });
  return { type: "float32", dims: input.dims, data: Float32Array.from(both) };
}

function convolveZeroPadded(
  source: ArrayLike<number>,
  kernel: Float64Array,
  axis: { readonly length: number; readonly stride: number; readonly height: number; readonly width: number },
): Float64Array {
  const result = new Float64Array(source.length);
  const radius = (kernel.length - 1) / 2;
  for (let index = 0; index < result.length; index++) {
    const position = Math.floor(index / axis.stride) % axis.length;
    const first = Math.max(-radius, -position);
    const last = Math.min(radius, axis.length - 1 - position);
    let sum = 0;
    for (let offset = first; offset <= last; offset++) {
      sum += (kernel[offset + radius] ?? 0) * (source[index + offset * axis.stride] ?? 0);
    }
    result[index] = sum;
  }
  return result;
}
