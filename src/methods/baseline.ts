import { z } from "zod";
import { assertNever } from "../errors.ts";
import { gaussianBlur } from "../image/gaussian-blur.ts";
import { toInputSpace, type Normalization } from "../image/normalize.ts";
import { elementCount, filled, type Tensor } from "../tensor/tensor.ts";

/** Images that stand for "nothing there". */
export const fills = ["black", "white", "mean", "blur"] as const;
export type Fill = (typeof fills)[number];

/**
 * The image, in input space, that a fill makes of `image` `[1, C, H, W]`: `black` and `white` in pixel space, `mean` is 0
 * in input space (the mean colour of the data), `blur` the image (each slice of a volume) under a Gaussian of 51 x 51 pixels, sigma 50.
 */
export function filledImage(fill: Fill, image: Tensor, normalization: Normalization): Tensor {
  switch (fill) {
    case "black":
      return pixelImage(image.dims, normalization, () => 0);
    case "white":
      return pixelImage(image.dims, normalization, () => 1);
    case "mean":
      return filled(image.dims);
    case "blur":
      return blurred(image);
    default:
      return assertNever(fill);
  }
}

function blurred(image: Tensor): Tensor {
  const plane = image.dims.slice(-2);
  const slices = { ...image, dims: [1, image.data.length / elementCount(plane), ...plane] };
  return { ...gaussianBlur(slices), dims: image.dims };
}

/** The parameter `fill` of methods that hide parts of the image. */
export function fillParameter(fallback: Fill, reason: string): z.ZodDefault<z.ZodEnum<{ [K in Fill]: K }>> {
  return z.enum(fills).default(fallback).describe(`what hidden pixels show; ${reason}`);
}

/** An image `[1, C, H, W]` (or volume) in input space from pixel values (0..1) that `pixel` gives element by element. */
export function pixelImage(
  dims: readonly number[],
  normalization: Normalization,
  pixel: () => number,
): Tensor {
  const image = filled(dims);
  const area = elementCount(dims.slice(2));
  for (let index = 0; index < image.data.length; index++) {
    image.data[index] = toInputSpace(normalization, Math.floor(index / area), pixel());
  }
  return image;
}
