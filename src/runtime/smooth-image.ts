import { toInputSpace } from "../image/normalize.ts";
import type { RandomStream } from "../random/random-stream.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Model } from "./model.ts";

type InputFacts = Pick<Model, "channels" | "height" | "width" | "normalization">;

const wavesPerChannel = 6;
const highestFrequency = 4;

/**
 * A smooth pattern `[1, C, H, W]` of low-frequency waves with a root mean square of about 1 in pixel space, scaled to
 * input space. Smooth, because white noise moves every activation of the first layers while the score hardly changes.
 */
export function smoothDirection(model: InputFacts, random: RandomStream): Tensor {
  const { channels, height, width } = model;
  const data = new Float32Array(channels * height * width);
  for (let channel = 0; channel < channels; channel++) {
    const { std } = model.normalization;
    const amplitude = Math.sqrt(2 / wavesPerChannel) / (std[Math.min(channel, std.length - 1)] ?? 1);
    for (let wave = 0; wave < wavesPerChannel; wave++) {
      const frequencyX = random.integer(2 * highestFrequency + 1) - highestFrequency;
      const frequencyY = random.integer(highestFrequency + 1);
      const phase = 2 * Math.PI * random.uniform();
      let offset = channel * height * width;
      for (let y = 0; y < height; y++) {
        const angleY = (2 * Math.PI * frequencyY * y) / height + phase;
        for (let x = 0; x < width; x++, offset++) {
          data[offset] =
            (data[offset] ?? 0) + amplitude * Math.cos(angleY + (2 * Math.PI * frequencyX * x) / width);
        }
      }
    }
  }
  return { type: "float32", dims: [1, channels, height, width], data };
}

/** A smooth random picture `[1, C, H, W]` in input space, pixels around middle grey: an image where none is at hand. */
export function smoothImage(model: InputFacts, random: RandomStream): Tensor {
  const pattern = smoothDirection(model, random);
  const planeSize = model.height * model.width;
  // A fifth of the range, so that hardly a pixel leaves 0..1.
  const data = pattern.data.map((value, index) => {
    const grey = toInputSpace(model.normalization, Math.floor(index / planeSize), 0.5);
    return grey + 0.2 * value;
  });
  return { ...pattern, data };
}
