import { DataError } from "../errors.ts";
import { type DecodedImage, fromRgba } from "./decoded-image.ts";

/**
 * Decodes a photograph in a browser or worker, as `decodeImage` of Node does: upright, alpha composed on white, embedded colour
 * profiles ignored. Which formats are known is the browser's business; 16-bit sources arrive with 8 bits.
 * @throws {@link DataError} if the browser cannot decode it, or if it has more than `maxPixels` (default 200 million) pixels.
 */
export async function decodeImage(
  source: Blob | Uint8Array,
  options: { readonly name?: string; readonly maxPixels?: number } = {},
): Promise<DecodedImage> {
  const name = options.name ?? (source instanceof File ? source.name : "image");
  const limit = options.maxPixels ?? 200e6;
  const blob = source instanceof Blob ? source : new Blob([new Uint8Array(source)]);
  if (blob.size === 0)
    throw new DataError(`${name}: expected an image, got an empty file. Was the download complete?`);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(blob, {
      imageOrientation: "from-image",
      premultiplyAlpha: "none",
      colorSpaceConversion: "none",
    });
  } catch (error) {
    throw new DataError(
      `${name}: expected an image that this browser can show (JPEG, PNG, WebP, GIF), got something else or a damaged file.`,
      {
        cause: error,
      },
    );
  }
  try {
    const { width, height } = bitmap;
    if (width * height > limit) {
      throw new DataError(
        `${name}: expected at most ${Math.round(limit / 1e6)} million pixels, got ${width} x ${height}. Shrink the image first.`,
      );
    }
    return fromRgba({ width, height, data: readPixels(bitmap, name) });
  } finally {
    bitmap.close();
  }
}

function readPixels(bitmap: ImageBitmap, name: string): Uint8ClampedArray {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) {
    throw new DataError(
      `${name}: the browser has no memory for ${bitmap.width} x ${bitmap.height} pixels. Shrink the image first.`,
    );
  }
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
}
