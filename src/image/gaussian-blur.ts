import { ParameterError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Border, borderIndex } from "./border.ts";

export interface GaussianBlurOptions {
  /** Standard deviation in pixels. Default 50. */
  readonly sigma?: number;
  /**
   * Kernel length in pixels, odd. Default 51: the paper's baseline is `size` 51, `sigma` 50, nearly a box, so that the size
   * sets the strength.
   */
  readonly size?: number;
  /** Default `reflect-101`, as OpenCV and kornia. */
  readonly border?: Border;
}

/** The weights `g[j] = exp(-(j - (size-1)/2)^2 / (2 sigma^2))`, divided by their sum. */
export function gaussianKernel(size: number, sigma: number): Float64Array {
  if (!Number.isInteger(size) || size < 1 || size % 2 === 0) {
    throw new ParameterError(
      `size: expected an odd number of pixels, got ${size}. Take ${2 * Math.floor(size / 2) + 1}.`,
    );
  }
  if (!(sigma > 0))
    throw new ParameterError(
      `sigma: expected a number above 0, got ${sigma}. A size of 1 leaves the image as it is.`,
    );
  const centre = (size - 1) / 2;
  const kernel = Float64Array.from({ length: size }, (_, index) =>
    Math.exp(-((index - centre) ** 2) / (2 * sigma * sigma)),
  );
  const sum = kernel.reduce((total, weight) => total + weight, 0);
  return kernel.map((weight) => weight / sum);
}

/** The kernel length of a Gaussian that is cut at `truncate` standard deviations, as SciPy and scikit-image do (default 4). */
export function gaussianSize(sigma: number, truncate = 4): number {
  return 2 * Math.floor(truncate * sigma + 0.5) + 1;
}

/**
 * Blurs the last two axes of a tensor `[..., H, W]`. Borders repeat where the kernel is larger than the image.
 * @throws {@link ParameterError} for an even size or a sigma of 0.
 */
export function gaussianBlur(image: Tensor, options: GaussianBlurOptions = {}): Tensor {
  const { sigma = 50, size = 51, border = "reflect-101" } = options;
  const kernel = gaussianKernel(size, sigma);
  const height = image.dims.at(-2) ?? 1;
  const width = image.dims.at(-1) ?? 1;
  const data = new Float32Array(image.data.length);
  for (let offset = 0; offset < data.length; offset += height * width) {
    data.set(
      convolvePlane(image.data.subarray(offset, offset + height * width), width, height, kernel, border),
      offset,
    );
  }
  return { type: "float32", dims: image.dims, data };
}

/**
 * Convolves one plane with the same symmetric kernel along both axes, in float64.
 * @param kernel Odd length; only its symmetric half is read.
 */
export function convolvePlane(
  plane: Float32Array | Float64Array,
  width: number,
  height: number,
  kernel: Float64Array,
  border: Border,
): Float64Array {
  const radius = (kernel.length - 1) / 2;
  // Columns first, whole rows at a time: the inner loop then runs along memory in both passes.
  const vertical = new Float64Array(width * height);
  for (let y = 0; y < height; y++) {
    const target = y * width;
    for (let distance = 0; distance <= radius; distance++) {
      const weight = kernel[radius + distance]!;
      const above = borderIndex(y - distance, height, border) * width;
      const below = borderIndex(y + distance, height, border) * width;
      if (distance === 0) for (let x = 0; x < width; x++) vertical[target + x] = plane[above + x]! * weight;
      else
        for (let x = 0; x < width; x++)
          vertical[target + x]! += (plane[above + x]! + plane[below + x]!) * weight;
    }
  }
  const result = new Float64Array(width * height);
  const line = new Float64Array(width + 2 * radius);
  const source = Int32Array.from(line, (_, index) => borderIndex(index - radius, width, border));
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let index = 0; index < line.length; index++) line[index] = vertical[row + source[index]!]!;
    for (let x = 0; x < width; x++) {
      const centre = x + radius;
      let sum = line[centre]! * kernel[radius]!;
      for (let distance = 1; distance <= radius; distance++) {
        sum += (line[centre - distance]! + line[centre + distance]!) * kernel[radius + distance]!;
      }
      result[row + x] = sum;
    }
  }
  return result;
}
