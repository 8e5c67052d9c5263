import type { RgbaImage } from "./rgba-image.ts";

/**
 * A photograph as decoded: upright, red green blue, interleaved (`[H, W, 3]`), without alpha. Values run from 0 to `white`,
 * so that 16-bit sources keep their precision and 8-bit ones take a quarter of the memory of floats.
 */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly channels: 3;
  readonly data: Uint8Array | Uint8ClampedArray | Uint16Array;
  /** The value of full intensity: 255, or 65535 for `Uint16Array`. */
  readonly white: 255 | 65535;
}

/** The image with 8 bits a channel and opaque alpha, for display. */
export function toRgba(image: DecodedImage): RgbaImage {
  const { width, height, data, white } = image;
  const rgba = new Uint8ClampedArray(width * height * 4);
  const scale = 255 / white;
  for (let source = 0, target = 0; target < rgba.length; source += 3, target += 4) {
    rgba[target] = (data[source] ?? 0) * scale;
    rgba[target + 1] = (data[source + 1] ?? 0) * scale;
    rgba[target + 2] = (data[source + 2] ?? 0) * scale;
    rgba[target + 3] = 255;
  }
  return { width, height, data: rgba };
}

/**
 * Drops the alpha channel of interleaved pixels by composing them on white: `a v + (1 - a) white`, rounded.
 * @param channels 4 (RGBA), 3 (RGB, copied), 2 (grey and alpha) or 1 (grey, replicated).
 */
export function composeOnWhite(
  data: Uint8Array | Uint8ClampedArray | Uint16Array,
  shape: {
    readonly width: number;
    readonly height: number;
    readonly channels: number;
    readonly white: 255 | 65535;
  },
): DecodedImage {
  const { width, height, channels, white } = shape;
  if (channels === 3) return { width, height, channels, data, white };
  const pixelCount = width * height;
  const isGray = channels < 3;
  const alphaOffset = channels === 4 ? 3 : channels === 2 ? 1 : -1;
  const rgb = white === 255 ? new Uint8Array(pixelCount * 3) : new Uint16Array(pixelCount * 3);
  for (let pixel = 0; pixel < pixelCount; pixel++) {
    const source = pixel * channels;
    const alpha = alphaOffset < 0 ? white : (data[source + alphaOffset] ?? white);
    for (let channel = 0; channel < 3; channel++) {
      const value = data[source + (isGray ? 0 : channel)] ?? 0;
      rgb[pixel * 3 + channel] =
        alpha === white ? value : Math.round(white + ((value - white) * alpha) / white);
    }
  }
  return { width, height, channels: 3, data: rgb, white };
}

/** A decoded image of display pixels (a canvas, a camera frame); alpha is composed on white. */
export function fromRgba(image: RgbaImage): DecodedImage {
  return composeOnWhite(image.data, { width: image.width, height: image.height, channels: 4, white: 255 });
}
