import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ParameterError } from "../errors.ts";
import { decodeImage } from "./decode-node.ts";
import { writeAnimation, writeImage } from "./encode-node.ts";
import { solidImage } from "./rgba-image.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "encode-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("writeImage", () => {
  it("writes what decodeImage reads, by extension, making folders", async () => {
    for (const [name, tolerance] of [
      ["a.png", 0],
      ["b.JPG", 3],
      ["c.webp", 6],
    ] as const) {
      const path = join(folder, "new", name);
      await writeImage(path, solidImage(9, 5, [200, 100, 50]));
      const image = await decodeImage(path);
      expect([image.width, image.height]).toEqual([9, 5]);
      for (const [index, value] of [200, 100, 50].entries())
        expect(Math.abs(image.data[index]! - value)).toBeLessThanOrEqual(tolerance);
    }
    expect((await readdir(join(folder, "new"))).toSorted()).toEqual(["a.png", "b.JPG", "c.webp"]);
  });

  it("refuses extensions it does not know", async () => {
    await expect(writeImage(join(folder, "a.bmp"), solidImage(1, 1))).rejects.toThrow(ParameterError);
  });
});

describe("writeAnimation", () => {
  it("writes a looping WebP with all frames", async () => {
    const path = join(folder, "frames.webp");
    await writeAnimation(
      path,
      [solidImage(8, 6, [255, 0, 0]), solidImage(8, 6, [0, 255, 0]), solidImage(8, 6, [0, 0, 255])],
      100,
    );
    const { pages, loop, delay, pageHeight } = await sharp(path, { animated: true }).metadata();
    expect({ pages, loop, delay, pageHeight }).toEqual({
      pages: 3,
      loop: 0,
      delay: [100, 100, 400],
      pageHeight: 6,
    });
  });

  it("refuses frames of different sizes and none at all", async () => {
    await expect(
      writeAnimation(join(folder, "x.webp"), [solidImage(8, 6), solidImage(8, 7)]),
    ).rejects.toThrow(/frames of one size/);
    await expect(writeAnimation(join(folder, "x.webp"), [])).rejects.toThrow(/at least one frame/);
  });
});
