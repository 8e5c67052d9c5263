import { assertNever } from "../../errors.ts";
import { gaussianBlur, gaussianSize } from "../../image/gaussian-blur.ts";
import { toInputSpace, toPixelSpace, type Normalization } from "../../image/normalize.ts";
import { filled, type Tensor } from "../../tensor/tensor.ts";
import { medianFilter } from "./median-filter.ts";
import type { Blur } from "./warm-up.ts";

/**
 * What is shown where a mask is 0.
 * - `blur`: the image blurred with the kernel and sigma of the settings; (51, 50) is the paper's.
 * - `wide-blur`: a Gaussian whose kernel is 4 sigma long on each side, so that sigma sets the strength.
 * - `black`, `white`: in pixel space. `mean`: 0 in input space, the mean colour of the data.
 * - `median`: an 11 x 11 median of the 8-bit channels, borders replicated; what the torch port of EMP optimises against.
 * - `median-and-blur`: the mean of that median and a Gaussian (11, 5); what the port displays.
 */
export const baselineKinds = [
  "blur",
  "wide-blur",
  "black",
  "white",
  "mean",
  "median",
  "median-and-blur",
] as const;
export type BaselineKind = (typeof baselineKinds)[number];

const medianSize = 11;

/** The baseline of an image `[1, C, H, W]` in input space, same shape and space. */
export function makeBaseline(
  kind: BaselineKind,
  image: Tensor,
  blur: Blur,
  normalization: Normalization,
): Tensor {
  switch (kind) {
    case "blur":
      return gaussianBlur(image, { size: blur.kernel, sigma: blur.sigma });
    case "wide-blur":
      return gaussianBlur(image, { size: gaussianSize(blur.sigma), sigma: blur.sigma });
    case "black":
      return constantColor(image, (channel) => toInputSpace(normalization, channel, 0));
    case "white":
      return constantColor(image, (channel) => toInputSpace(normalization, channel, 1));
    case "mean":
      return filled(image.dims);
    case "median":
      return median(image, normalization);
    case "median-and-blur": {
      const soft = gaussianBlur(image, { size: 11, sigma: 5 });
      const data = median(image, normalization).data.map((value, index) => (value + soft.data[index]!) / 2);
      return { type: "float32", dims: image.dims, data };
    }
    default:
      return assertNever(kind);
  }
}

function constantColor(image: Tensor, value: (channel: number) => number): Tensor {
  return mapPlanes(image, (plane, channel) => plane.map(() => value(channel)));
}

function median(image: Tensor, normalization: Normalization): Tensor {
  const [height = 1, width = 1] = image.dims.slice(-2);
  return mapPlanes(image, (plane, channel) => {
    const bytes = Uint8Array.from(plane, (value) => {
      const pixel = toPixelSpace(normalization, channel, value);
      return Math.min(255, Math.max(0, Math.round(pixel * 255)));
    });
    const filtered = medianFilter(bytes, width, height, medianSize);
    return Float32Array.from(filtered, (byte) => toInputSpace(normalization, channel, byte / 255));
  });
}

function mapPlanes(image: Tensor, plane: (values: Float32Array, channel: number) => Float32Array): Tensor {
  const [, channels = 1, height = 1, width = 1] = image.dims;
  const size = height * width;
  const data = new Float32Array(image.data.length);
  for (let channel = 0; channel < channels; channel++) {
    data.set(plane(image.data.subarray(channel * size, (channel + 1) * size), channel), channel * size);
  }
  return { type: "float32", dims: image.dims, data };
}
