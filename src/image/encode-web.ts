import { RuntimeUnavailableError } from "../errors.ts";
import type { RgbaImage } from "./rgba-image.ts";

/** The image as a PNG file, made by the browser. */
export async function encodePng(image: RgbaImage): Promise<Blob> {
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  if (context === null) {
    throw new RuntimeUnavailableError(
      `The browser has no memory for a canvas of ${image.width} x ${image.height}. Make the picture smaller.`,
    );
  }
  context.putImageData(new ImageData(new Uint8ClampedArray(image.data), image.width, image.height), 0, 0);
  return await canvas.convertToBlob({ type: "image/png" });
}
