import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { assertNever, ParameterError } from "../errors.ts";
import { writeError } from "../write-error.ts";
import { loadSharp } from "./load-sharp-node.ts";
import type { RgbaImage } from "./rgba-image.ts";

/** File formats by extension. */
export type ImageFormat = "png" | "jpeg" | "webp";

const formatOfExtension: Readonly<Record<string, ImageFormat>> = {
  ".png": "png",
  ".jpg": "jpeg",
  ".jpeg": "jpeg",
  ".webp": "webp",
};

/** The bytes of an image file. PNG is lossless; JPEG has quality 92 without chroma subsampling; WebP quality 90. */
export async function encodeImage(image: RgbaImage, format: ImageFormat): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const raw = { width: image.width, height: image.height, channels: 4 } as const;
  const pixels = sharp(image.data, { raw });
  switch (format) {
    case "png":
      return await pixels.png({ compressionLevel: 6 }).toBuffer();
    case "jpeg":
      return await pixels
        .flatten({ background: "#ffffff" })
        .jpeg({ quality: 92, chromaSubsampling: "4:4:4" })
        .toBuffer();
    case "webp":
      return await pixels.webp({ quality: 90 }).toBuffer();
    default:
      return assertNever(format);
  }
}

/**
 * Writes a PNG, JPEG or WebP by the path's extension, making folders as needed. The file appears complete or not at all.
 * @throws {@link ParameterError} for another extension; `DataError` if the folder cannot be written.
 */
export async function writeImage(path: string, image: RgbaImage): Promise<void> {
  const format = formatOfExtension[extname(path).toLowerCase()];
  if (format === undefined) {
    throw new ParameterError(
      `${path}: expected a name ending in ${Object.keys(formatOfExtension).join(", ")}. Rename the output.`,
    );
  }
  await writeWhole(path, await encodeImage(image, format));
}

/**
 * Writes frames of one size as an animated WebP that loops; see {@link encodeAnimation}.
 * @throws {@link ParameterError} if there is no frame, their sizes differ, or the name does not end in `.webp`.
 */
export async function writeAnimation(
  path: string,
  frames: readonly RgbaImage[],
  frameMs = 120,
): Promise<void> {
  if (extname(path).toLowerCase() !== ".webp")
    throw new ParameterError(`${path}: animations are WebP; expected a name ending in .webp.`);
  await writeWhole(path, await encodeAnimation(frames, frameMs, path));
}

/**
 * The bytes of an animated WebP that loops.
 * @param frameMs Milliseconds a frame is shown; the last one stays four times as long, so that the result can be seen.
 * @param name of the file, for messages.
 * @throws {@link ParameterError} if there is no frame or their sizes differ.
 */
export async function encodeAnimation(
  frames: readonly RgbaImage[],
  frameMs = 120,
  name = "animation",
): Promise<Uint8Array> {
  const first = frames[0];
  if (first === undefined) throw new ParameterError(`${name}: expected at least one frame, got none.`);
  if (frames.some((frame) => frame.width !== first.width || frame.height !== first.height)) {
    throw new ParameterError(
      `${name}: expected frames of one size (${first.width} x ${first.height}), got different ones.`,
    );
  }
  const sharp = await loadSharp();
  const size = first.width * first.height * 4;
  const stacked = new Uint8ClampedArray(size * frames.length);
  for (const [index, frame] of frames.entries()) stacked.set(frame.data, index * size);
  const delay = frames.map((_, index) => (index === frames.length - 1 ? frameMs * 4 : frameMs));
  const raw = {
    width: first.width,
    height: first.height * frames.length,
    channels: 4,
    pageHeight: first.height,
  } as const;
  return await sharp(stacked, { raw, limitInputPixels: false })
    .webp({ quality: 85, loop: 0, delay })
    .toBuffer();
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  // In the same folder, because a rename is only atomic within one file system.
  const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(path, error);
  }
}
