import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError } from "../errors.ts";
import { decodeImage } from "./decode-node.ts";
import { toRgba } from "./decoded-image.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "decode-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

// Two pixels beside each other: red, blue.
const redBlue = () =>
  sharp(Uint8Array.from([255, 0, 0, 0, 0, 255]), { raw: { width: 2, height: 1, channels: 3 } });

describe("decodeImage", () => {
  it("reads a PNG from a path and from bytes alike", async () => {
    const bytes = await redBlue().png().toBuffer();
    const path = join(folder, "a.png");
    await writeFile(path, bytes);
    for (const source of [path, bytes]) {
      const image = await decodeImage(source);
      expect({ ...image, data: [...image.data] }).toEqual({
        width: 2,
        height: 1,
        channels: 3,
        white: 255,
        data: [255, 0, 0, 0, 0, 255],
      });
    }
  });

  it("turns the image upright by its EXIF orientation", async () => {
    // Orientation 6: the camera was turned, the first row is the right side.
    const bytes = await redBlue().withMetadata({ orientation: 6 }).png().toBuffer();
    const image = await decodeImage(bytes);
    expect([image.width, image.height]).toEqual([1, 2]);
    expect([...image.data]).toEqual([255, 0, 0, 0, 0, 255]);
  });

  it("composes alpha on white", async () => {
    const raw = { width: 3, height: 1, channels: 4 } as const;
    const pixels = Uint8Array.from([255, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 51]);
    const image = await decodeImage(await sharp(pixels, { raw }).png().toBuffer());
    expect([...image.data]).toEqual([255, 0, 0, 255, 255, 255, 204, 204, 204]);
  });

  it("replicates grey, with and without alpha", async () => {
    const gray = await sharp(Uint8Array.from([0, 77]), { raw: { width: 2, height: 1, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    expect([...(await decodeImage(gray)).data]).toEqual([0, 0, 0, 77, 77, 77]);
  });

  it("keeps the precision of 16-bit files", async () => {
    const pixels = Uint16Array.from([0, 257, 12345, 65535, 40000, 1]);
    const bytes = await sharp(pixels, { raw: { width: 2, height: 1, channels: 3 } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    const image = await decodeImage(bytes);
    expect(image.white).toBe(65535);
    expect([...image.data]).toEqual([...pixels]);
    expect([...toRgba(image).data]).toEqual([0, 1, 48, 255, 255, 156, 0, 255]);
  });

  it("keeps the precision of 16-bit grey files", async () => {
    const pixels = Uint16Array.from([0, 12345]);
    const bytes = await sharp(pixels, { raw: { width: 2, height: 1, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    const image = await decodeImage(bytes);
    expect(image.white).toBe(65535);
    expect([...image.data]).toEqual([0, 0, 0, 12345, 12345, 12345]);
  });

  it("converts CMYK", async () => {
    const bytes = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#ff0000" } })
      .toColourspace("cmyk")
      .jpeg()
      .toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe("cmyk");
    const [red, green, blue] = (await decodeImage(bytes)).data;
    expect(red).toBeGreaterThan(180);
    expect(green).toBeLessThan(90);
    expect(blue).toBeLessThan(90);
  });

  it("reads WebP and TIFF, and the first frame of a GIF", async () => {
    const frame = (value: number) =>
      ({
        create: { width: 4, height: 4, channels: 3, background: { r: value, g: value, b: value } },
      }) as const;
    expect((await decodeImage(await redBlue().webp({ lossless: true }).toBuffer())).data).toEqual(
      Uint8Array.from([255, 0, 0, 0, 0, 255]),
    );
    expect((await decodeImage(await redBlue().tiff({ compression: "lzw" }).toBuffer())).data).toEqual(
      Uint8Array.from([255, 0, 0, 0, 0, 255]),
    );
    const frames = await Promise.all([0, 255].map((value) => sharp(frame(value)).png().toBuffer()));
    const gif = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    const image = await decodeImage(gif);
    expect([image.width, image.height, image.data[0]]).toEqual([4, 4, 0]);
  });

  it("names the file that is missing, a folder, empty or no image", async () => {
    await expect(decodeImage(join(folder, "none.png"))).rejects.toThrow(
      /none\.png: expected an image file, found nothing/,
    );
    await expect(decodeImage(folder)).rejects.toThrow(/got a folder/);
    await expect(decodeImage(new Uint8Array(0), { name: "e.jpg" })).rejects.toThrow(/e\.jpg: .*empty file/);
    await expect(decodeImage(new TextEncoder().encode("hello world"), { name: "t.txt" })).rejects.toThrow(
      /t\.txt: expected an image .* another kind/,
    );
  });

  it("refuses truncated files instead of showing half of them", async () => {
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, index) => (index * 7919) % 251);
    const source = () => sharp(noise, { raw: { width: 64, height: 64, channels: 3 } });
    for (const bytes of [
      await source().jpeg().toBuffer(),
      await source().png().toBuffer(),
      await source().webp().toBuffer(),
    ]) {
      const half = bytes.subarray(0, Math.floor(bytes.length / 2));
      const failure: unknown = await decodeImage(half, { name: "half" }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(DataError);
      expect((failure as Error).message).toMatch(
        /half: expected a complete image, got a damaged or truncated one/,
      );
    }
  });

  it("refuses images with too many pixels before decoding them", async () => {
    const bytes = await redBlue().png().toBuffer();
    await expect(decodeImage(bytes, { name: "big.png", maxPixels: 1 })).rejects.toThrow(
      /big\.png: expected at most/,
    );
  });
});
