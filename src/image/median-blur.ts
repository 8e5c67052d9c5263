import { ParameterError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { borderIndex } from "./border.ts";

/**
 * The median of a square window, per channel, on values rounded to 8 bits, with repeated edges; as OpenCV's medianBlur on a
 * photograph. The baseline of the torch port of meaningful perturbation.
 * @param image `[..., H, W]` in pixel space, 0..1 (clamped).
 * @param size Side of the window in pixels, odd. Default 11.
 */
export function medianBlur(image: Tensor, size = 11): Tensor {
  if (!Number.isInteger(size) || size < 1 || size % 2 === 0) {
    throw new ParameterError(`size: expected an odd number of pixels, got ${size}.`);
  }
  const height = image.dims.at(-2) ?? 1;
  const width = image.dims.at(-1) ?? 1;
  const data = new Float32Array(image.data.length);
  for (let offset = 0; offset < data.length; offset += height * width) {
    const plane = Uint8ClampedArray.from(
      image.data.subarray(offset, offset + height * width),
      (value) => value * 255,
    );
    const medians = medianOfPlane(plane, width, height, (size - 1) / 2);
    for (let index = 0; index < medians.length; index++) data[offset + index] = medians[index]! / 255;
  }
  return { type: "float32", dims: image.dims, data };
}

/** Huang's sliding histogram: moving one pixel on replaces one column of the window. */
function medianOfPlane(plane: Uint8ClampedArray, width: number, height: number, radius: number): Uint8Array {
  const result = new Uint8Array(plane.length);
  const half = ((2 * radius + 1) ** 2 - 1) / 2;
  for (let y = 0; y < height; y++) {
    const rows = Array.from(
      { length: 2 * radius + 1 },
      (_, index) => borderIndex(y + index - radius, height, "edge") * width,
    );
    const histogram = new Int32Array(256);
    const add = (column: number, amount: number): void => {
      for (const row of rows) histogram[plane[row + borderIndex(column, width, "edge")]!]! += amount;
    };
    for (let column = -radius; column < radius; column++) add(column, 1);
    for (let x = 0; x < width; x++) {
      add(x + radius, 1);
      let below = 0;
      let value = 0;
      while (below + histogram[value]! <= half) below += histogram[value++]!;
      result[y * width + x] = value;
      add(x - radius, -1);
    }
  }
  return result;
}
