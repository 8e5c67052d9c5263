import type { Rectangle } from "./rectangle.ts";

/** Pixels for display: 8 bits a channel, red green blue alpha, row-major; the layout of the browser's `ImageData`. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  /** `width * height * 4` bytes, alpha not premultiplied. */
  readonly data: Uint8ClampedArray;
}

/** A colour as 0..255 red, green, blue. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** An opaque image of one colour (white by default). */
export function solidImage(width: number, height: number, color: Rgb = [255, 255, 255]): RgbaImage {
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  if (color.every((value) => value === 255)) return { width, height, data };
  fillRectangle({ width, height, data }, { left: 0, top: 0, width, height }, color);
  return { width, height, data };
}

/** Paints one colour over the part of a rectangle (whole pixels) that lies inside the image. Changes `image.data`. */
export function fillRectangle(image: RgbaImage, rectangle: Rectangle, color: Rgb, opacity = 1): void {
  const right = Math.min(image.width, rectangle.left + rectangle.width);
  const bottom = Math.min(image.height, rectangle.top + rectangle.height);
  const [red, green, blue] = color;
  const { data } = image;
  for (let y = Math.max(0, rectangle.top); y < bottom; y++) {
    for (let x = Math.max(0, rectangle.left); x < right; x++) {
      const offset = (y * image.width + x) * 4;
      data[offset] = data[offset]! + (red - data[offset]!) * opacity;
      data[offset + 1] = data[offset + 1]! + (green - data[offset + 1]!) * opacity;
      data[offset + 2] = data[offset + 2]! + (blue - data[offset + 2]!) * opacity;
      data[offset + 3] = 255;
    }
  }
}

/** Copies an opaque image into another with its top left corner at (left, top), which must leave it inside. Changes `target.data`. */
export function paste(target: RgbaImage, image: RgbaImage, left: number, top: number): void {
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * image.width * 4, (y + 1) * image.width * 4);
    target.data.set(row, ((top + y) * target.width + left) * 4);
  }
}
