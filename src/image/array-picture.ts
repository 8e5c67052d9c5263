import type { Tensor } from "../tensor/tensor.ts";
import { isSignalShape, type InputShape } from "./array-input.ts";
import { percentile } from "./min-max.ts";
import { fillRectangle, type Rgb, type RgbaImage, solidImage } from "./rgba-image.ts";

const ink: Rgb = [52, 58, 72];

/** Channels of a signal that are drawn; more are too small to see. */
const mostTraces = 12;

/**
 * What to show of a network input that was no photograph: an image as it is, the slices of a volume one by one. Values from the
 * 1st to the 99th percentile run from black to white; three channels are red, green and blue, of others the first is shown. A
 * signal is drawn as a trace a channel.
 * @param input `[1, C, H, W]` or `[1, C, D, H, W]`.
 */
export function arrayPictures(input: Tensor, shape: InputShape): readonly RgbaImage[] {
  if (isSignalShape(shape)) return [traces(input, shape)];
  const { channels, depth = 1, height, width } = shape;
  const [low, high] = [percentile(input.data, 1), percentile(input.data, 99)];
  const scale = high > low ? 255 / (high - low) : 0;
  const area = height * width;
  return Array.from({ length: depth }, (_, slice) => {
    const data = new Uint8ClampedArray(4 * area).fill(255);
    for (let pixel = 0; pixel < area; pixel++) {
      for (let color = 0; color < 3; color++) {
        const plane = (channels === 3 ? color : 0) * depth + slice;
        data[4 * pixel + color] = (input.data[plane * area + pixel]! - low) * scale;
      }
    }
    return { width, height, data };
  });
}

function traces({ data }: Tensor, { channels, width: length }: InputShape): RgbaImage {
  const count = Math.min(channels, mostTraces);
  const width = Math.min(1600, Math.max(640, length));
  const rowHeight = Math.max(48, Math.round(192 / count));
  const image = solidImage(width, count * rowHeight);
  for (let channel = 0; channel < count; channel++) {
    const values = data.subarray(channel * length, (channel + 1) * length);
    const min = values.reduce((least, value) => Math.min(least, value), Infinity);
    const max = values.reduce((most, value) => Math.max(most, value), -Infinity);
    const top = channel * rowHeight + 4;
    const room = rowHeight - 9;
    const rowOf = (value: number): number =>
      top + Math.round(max > min ? ((max - value) / (max - min)) * room : room / 2);
    for (let x = 0; x < width; x++) {
      // All samples of the column and the first of the next, so that the trace has no gaps.
      const from = Math.floor((x * length) / width);
      const part = values.subarray(from, Math.max(from + 2, Math.ceil(((x + 1) * length) / width) + 1));
      const rows = Array.from(part, rowOf);
      const upper = Math.min(...rows);
      const height = Math.max(...rows) - upper + 1;
      fillRectangle(image, { left: x, top: upper, width: 1, height }, ink);
    }
  }
  return image;
}
