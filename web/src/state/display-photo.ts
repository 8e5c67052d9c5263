import type { RgbaImage } from "onnx-saliency/web";

/** The picture with sides of at most so many pixels. */
export function shrink(image: RgbaImage, maxSide: number): RgbaImage {
  const factor = Math.min(1, maxSide / Math.max(image.width, image.height));
  if (factor === 1) return image;
  const width = Math.max(1, Math.round(image.width * factor));
  const height = Math.max(1, Math.round(image.height * factor));
  const full = toCanvas(image);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) return image;
  context.imageSmoothingQuality = "high";
  context.drawImage(full, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  return { width, height, data };
}

function toCanvas(image: RgbaImage): OffscreenCanvas {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d")?.putImageData(toImageData(image), 0, 0);
  return canvas;
}

export function toImageData(image: RgbaImage): ImageData {
  return new ImageData(new Uint8ClampedArray(image.data), image.width, image.height);
}
