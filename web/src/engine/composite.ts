import {
  orderDescending,
  ranks,
  substrate,
  toPixelSpace,
  type RgbaImage,
  type SaliencyMap,
  type Tensor,
  type WebModel,
} from "onnx-saliency/web";

/** The input with the pixels of a mask (1: hide) replaced by the substrate's. */
export function hide(input: Tensor, filler: Tensor, isHidden: (pixel: number) => boolean): Tensor {
  const [, channels = 1, height = 1, width = 1] = input.dims;
  const plane = height * width;
  const data = input.data.slice();
  for (let pixel = 0; pixel < plane; pixel++) {
    if (!isHidden(pixel)) continue;
    for (let channel = 0; channel < channels; channel++) {
      data[channel * plane + pixel] = filler.data[channel * plane + pixel] ?? 0;
    }
  }
  return { ...input, data };
}

/** Each pixel's position in the order of saliency, 0 the most salient. */
export function saliencyRanks(map: SaliencyMap): Float32Array {
  return ranks(orderDescending(map.values, "index"));
}

/** What stands where a part of the photograph is hidden. */
export function fillerOf(model: WebModel, input: Tensor, fill: "blur" | "mean" | "black"): Tensor {
  return substrate(fill, model, input);
}

/** A network input as a picture. */
export function toPicture(model: WebModel, input: Tensor): RgbaImage {
  const { width, height, channels, normalization } = model;
  const plane = width * height;
  const data = new Uint8ClampedArray(plane * 4);
  for (let pixel = 0; pixel < plane; pixel++) {
    for (let color = 0; color < 3; color++) {
      const channel = channels === 1 ? 0 : normalization.channelOrder === "BGR" ? 2 - color : color;
      const value = toPixelSpace(normalization, channel, input.data[channel * plane + pixel] ?? 0);
      data[pixel * 4 + color] = Math.round(value * 255);
    }
    data[pixel * 4 + 3] = 255;
  }
  return { width, height, data };
}
