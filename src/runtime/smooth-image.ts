import { placeCount } from "../image/extent.ts";
import { toInputSpace } from "../image/normalize.ts";
import type { RandomStream } from "../random/random-stream.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { imageDims, type Model } from "./model.ts";

type InputFacts = Pick<Model, "channels" | "depth" | "height" | "width" | "normalization">;

const wavesPerChannel = 6;
const highestFrequency = 4;

/**
 * A smooth pattern `[1, C, H, W]` (for volumes `[1, C, D, H, W]`) of low-frequency waves with a root mean square of about 1 in pixel space, scaled to
 * input space. Smooth, because white noise moves every activation of the first layers while the score hardly changes.
 */
export function smoothDirection(model: InputFacts, random: RandomStream): Tensor {
  const { channels, depth = 1, height, width } = model;
  const data = new Float32Array(channels * placeCount(model));
  for (let channel = 0; channel < channels; channel++) {
    const { std } = model.normalization;
    const amplitude = Math.sqrt(2 / wavesPerChannel) / (std[Math.min(channel, std.length - 1)] ?? 1);
    for (let wave = 0; wave < wavesPerChannel; wave++) {
      const frequencyX = random.integer(2 * highestFrequency + 1) - highestFrequency;
      const frequencyY = random.integer(highestFrequency + 1);
      const phase = 2 * Math.PI * random.uniform();
      // Images draw nothing for it, so that they keep their patterns.
      const frequencyZ = model.depth === undefined ? 0 : random.integer(highestFrequency + 1);
      let offset = channel * placeCount(model);
      for (let row = 0; row < depth * height; row++) {
        const [z, y] = [Math.floor(row / height), row % height];
        const angle =
          (2 * Math.PI * frequencyY * y) / height + (2 * Math.PI * frequencyZ * z) / depth + phase;
        for (let x = 0; x < width; x++, offset++) {
          data[offset] =
            (data[offset] ?? 0) + amplitude * Math.cos(angle + (2 * Math.PI * frequencyX * x) / width);
        }
      }
    }
  }
  return { type: "float32", dims: [1, ...imageDims(model)], data };
}

/** A smooth random picture `[1, C, H, W]` (or volume) in input space, pixels around middle grey: an image where none is at hand. */
export function smoothImage(model: InputFacts, random: RandomStream): Tensor {
  const pattern = smoothDirection(model, random);
  const planeSize = placeCount(model);
  // A fifth of the range, so that hardly a pixel leaves 0..1.
  const data = pattern.data.map((value, index) => {
    const grey = toInputSpace(model.normalization, Math.floor(index / planeSize), 0.5);
    return grey + 0.2 * value;
  });
  return { ...pattern, data };
}
