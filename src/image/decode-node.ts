import { readFile } from "node:fs/promises";
import type { Sharp, SharpOptions } from "sharp";
import { DataError } from "../errors.ts";
import { composeOnWhite, type DecodedImage } from "./decoded-image.ts";
import { loadSharp } from "./load-sharp-node.ts";

export interface DecodeOptions {
  /** What error messages call the image; default the path, or "image" for bytes. */
  readonly name?: string;
  /** Refuses larger images, in pixels, before any is decoded. Default 200 million: above every camera, below 1 GB of memory. */
  readonly maxPixels?: number;
}

/** Pixels that are certainly too many to look at: twice the largest phone camera needs 1.2 GB. */
const defaultMaxPixels = 200e6;

/**
 * Decodes a photograph (JPEG, PNG, WebP, GIF's first frame, TIFF, AVIF, SVG) from a path or from the bytes of a file: upright
 * (EXIF orientation applied), alpha composed on white, grey replicated, CMYK converted, 16-bit precision kept.
 * Embedded RGB colour profiles are ignored, as Pillow and OpenCV do, because networks were trained on such pixels.
 * @throws {@link DataError} naming the file, if it is missing, empty, no image, truncated or too large.
 */
export async function decodeImage(
  source: string | Uint8Array,
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  const name = options.name ?? (typeof source === "string" ? source : "image");
  const bytes = typeof source === "string" ? await readImageFile(source) : source;
  if (bytes.length === 0)
    throw new DataError(`${name}: expected an image, got an empty file. Was the download complete?`);
  const sharp = await loadSharp();
  const limit = options.maxPixels ?? defaultMaxPixels;
  const open = (extra: SharpOptions = {}): Sharp =>
    sharp(bytes, { failOn: "truncated", limitInputPixels: limit, ...extra });
  try {
    const { depth, space, format } = await open().metadata();
    const is16Bit = depth === "ushort" || depth === "short" || space === "rgb16" || space === "grey16";
    // Only CMYK needs its profile; GIMP's XCF, PSD and the like are refused by libvips itself.
    const image = open({
      ignoreIcc: space !== "cmyk",
      ...(format === "svg" ? { density: 144 } : {}),
    }).autoOrient();
    const { data, info } = await image
      .toColourspace(is16Bit ? "rgb16" : "srgb")
      .raw({ depth: is16Bit ? "ushort" : "uchar" })
      .toBuffer({ resolveWithObject: true });
    const white = is16Bit ? 65535 : 255;
    const values = is16Bit
      ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2)
      : new Uint8Array(data);
    return composeOnWhite(values, { width: info.width, height: info.height, channels: info.channels, white });
  } catch (error) {
    throw new DataError(explainFailure(name, limit, error), { cause: error });
  }
}

async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") {
      throw new DataError(
        `${path}: expected an image file, found nothing. Check the name; paths start at ${process.cwd()}.`,
      );
    }
    if (code === "EISDIR")
      throw new DataError(`${path}: expected an image file, got a folder. Name the files in it.`);
    throw new DataError(`${path}: cannot read the file (${code ?? String(error)}).`, { cause: error });
  }
}

function explainFailure(name: string, limit: number, error: unknown): string {
  const detail = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  if (/exceeds pixel limit/i.test(detail)) {
    return `${name}: expected at most ${Math.round(limit / 1e6)} million pixels, got more. Shrink the image first, or raise maxPixels.`;
  }
  if (/unsupported image format|unsupported file format/i.test(detail)) {
    return `${name}: expected an image (JPEG, PNG, WebP, GIF, TIFF, AVIF), got a file of another kind.`;
  }
  if (/premature|truncated|end of (file|stream|image)|read error|corrupt|libspng/i.test(detail)) {
    return `${name}: expected a complete image, got a damaged or truncated one (${detail}). Fetch the file again.`;
  }
  return `${name}: the image cannot be decoded (${detail}). Convert it to PNG or JPEG.`;
}
