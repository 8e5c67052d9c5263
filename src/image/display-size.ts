import { resize } from "./resize.ts";
import type { RgbaImage } from "./rgba-image.ts";

/** Sides between these are shown pixel by pixel, others are scaled; in pixels. */
export interface DisplayLimits {
  /** Smallest longer side. Default 288: a caption fits beside it. */
  readonly minSide?: number;
  /** Largest longer side. Default 1600. */
  readonly maxSide?: number;
}

/**
 * The picture at a size fit to be looked at. Icons and digits (below 128 pixels) are enlarged by whole pixels, so that they keep their
 * look; other small pictures bicubically; large ones are shrunk with antialiasing. Opaque pictures only.
 */
export function fitForDisplay(image: RgbaImage, limits: DisplayLimits = {}): RgbaImage {
  const { minSide = 288, maxSide = 1600 } = limits;
  const side = Math.max(image.width, image.height);
  if (side > maxSide) return scaled(image, maxSide / side, "bilinear");
  if (side >= minSide) return image;
  return side < 128
    ? scaled(image, Math.min(Math.ceil(minSide / side), Math.max(1, Math.floor(maxSide / side))), "nearest")
    : scaled(image, minSide / side, "bicubic");
}

function scaled(image: RgbaImage, factor: number, filter: "bilinear" | "bicubic" | "nearest"): RgbaImage {
  const width = Math.max(1, Math.round(image.width * factor));
  const height = Math.max(1, Math.round(image.height * factor));
  const { data } = resize({ ...image, channels: 4 }, width, height, { filter });
  return { width, height, data: Uint8ClampedArray.from(data) };
}
