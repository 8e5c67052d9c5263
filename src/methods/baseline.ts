import { z } from "zod";
import { assertNever } from "../errors.ts";
import { toInputSpace } from "../image/normalize.ts";
import type { RandomStream } from "../random/random-stream.ts";
import type { Model } from "../runtime/model.ts";
import { filled, type Tensor } from "../tensor/tensor.ts";

type ImageSpace = Pick<Model, "channels" | "height" | "width" | "normalization">;

/** Images that stand for "nothing there". Named in pixel space, except `mean`, which is 0 in input space (the mean colour of the data). */
export const namedBaselines = z.enum(["black", "white", "mean", "black-and-white", "noise"]);
export type NamedBaseline = z.output<typeof namedBaselines>;

/**
 * The images `[1, C, H, W]`, in input space, that a name stands for: one, or two for `black-and-white`. `noise` is uniform
 * in pixel space.
 */
export function baselineImages(
  name: NamedBaseline,
  space: ImageSpace,
  random: RandomStream,
): readonly Tensor[] {
  switch (name) {
    case "black":
      return [constantImage(space, 0)];
    case "white":
      return [constantImage(space, 1)];
    case "mean":
      return [filled([1, space.channels, space.height, space.width])];
    case "black-and-white":
      return [constantImage(space, 0), constantImage(space, 1)];
    case "noise":
      return [pixelImage(space, () => random.uniform())];
    default:
      return assertNever(name);
  }
}

/** An image `[1, C, H, W]` in input space whose every pixel has one value (0..1, the same in all channels). */
export function constantImage(space: ImageSpace, pixel: number): Tensor {
  return pixelImage(space, () => pixel);
}

function pixelImage({ channels, height, width, normalization }: ImageSpace, pixel: () => number): Tensor {
  const image = filled([1, channels, height, width]);
  const area = height * width;
  for (let index = 0; index < image.data.length; index++) {
    image.data[index] = toInputSpace(normalization, Math.floor(index / area), pixel());
  }
  return image;
}
