import { resizeTensor } from "../../image/resize.ts";
import type { RandomStream } from "../../random/random-stream.ts";
import { filled, type Tensor } from "../../tensor/tensor.ts";
import type { MaskedImages } from "./masked-network.ts";

/**
 * Random crops of images that are enlarged by `amount` pixels (offsets 0..amount-1), the same crop for both images; the
 * images themselves for 0. Enlarged images are kept for the run.
 */
export function createJitter(amount: number): (images: MaskedImages, stream: RandomStream) => MaskedImages {
  if (amount === 0) return (images) => images;
  const enlarged = new Map<Tensor, Tensor>();
  const enlarge = (image: Tensor): Tensor => {
    const known = enlarged.get(image);
    if (known !== undefined) return known;
    const [height = 1, width = 1] = image.dims.slice(-2);
    const result = resizeTensor(image, height + amount, width + amount);
    enlarged.set(image, result);
    return result;
  };
  return ({ foreground, background }, stream) => {
    const top = stream.integer(amount);
    const left = stream.integer(amount);
    const crop = (image: Tensor): Tensor => cropTensor(enlarge(image), image.dims, top, left);
    return { foreground: crop(foreground), background: crop(background) };
  };
}

function cropTensor(image: Tensor, dims: readonly number[], top: number, left: number): Tensor {
  const [, channels = 1, height = 1, width = 1] = dims;
  const [largeHeight = 1, largeWidth = 1] = image.dims.slice(-2);
  const result = filled(dims);
  for (let channel = 0; channel < channels; channel++) {
    for (let row = 0; row < height; row++) {
      const start = (channel * largeHeight + row + top) * largeWidth + left;
      result.data.set(image.data.subarray(start, start + width), (channel * height + row) * width);
    }
  }
  return result;
}
