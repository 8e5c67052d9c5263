import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ballFile, ballModelFile } from "../../tests/support/volume-files.ts";
import { readNpy, writeNpy } from "../tensor/npy.ts";
import { writeNpz } from "../tensor/npz.ts";
import { tensor } from "../tensor/tensor.ts";
import { explainImages } from "./explain-images.ts";
import type { ExplainRequest } from "./explain-request.ts";
import type { FileRecord } from "./explanation-record.ts";

const folder = mkdtempSync(join(tmpdir(), "onnx-saliency-volume-"));
const [model, volume] = [join(folder, "ball.onnx"), join(folder, "ball.npy")];

beforeAll(() => {
  writeFileSync(model, ballModelFile());
  writeFileSync(volume, ballFile());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function explained(request: Partial<ExplainRequest>): Promise<FileRecord> {
  const lines: string[] = [];
  await explainImages(
    {
      images: [volume],
      model,
      methods: ["grad-cam"],
      targets: ["0"],
      parameters: [],
      out: join(folder, "out"),
      seed: 0,
      threads: 1,
      ...request,
    },
    { json: true, quiet: false },
    {
      signal: new AbortController().signal,
      onFirstInterrupt: () => undefined,
      onInterrupt: () => undefined,
      print: (line) => lines.push(line),
      note: () => undefined,
    },
  );
  return JSON.parse(lines[0] ?? "") as FileRecord;
}

function largestSlice({ files }: FileRecord): number {
  const { data, dims } = readNpy(readFileSync(files.map));
  expect(dims).toEqual([24, 32, 40]);
  const values = Array.from(data as Float32Array);
  return Math.floor(values.indexOf(Math.max(...values)) / (32 * 40));
}

/** How colourful the picture is inside a rectangle of shares of its size. */
async function colour(picture: string, box: readonly [number, number, number, number]): Promise<number> {
  const { data, info } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const [left, top, right, bottom] = box;
  let sum = 0;
  for (let y = Math.floor(top * info.height); y < bottom * info.height; y++) {
    for (let x = Math.floor(left * info.width); x < right * info.width; x++) {
      const [red = 0, green = 0, blue = 0] = data.subarray(3 * (y * info.width + x));
      sum += Math.max(red, green, blue) - Math.min(red, green, blue);
    }
  }
  return sum;
}

describe("explain of a volume", () => {
  it("writes the map of every slice, largest in the ball, and its shape into the record", async () => {
    const record = await explained({});
    // The ball's centre is slice 15, the layer's blocks are two slices deep.
    expect(Math.abs(largestSlice(record) - 15)).toBeLessThanOrEqual(1);
    expect(record).toMatchObject({
      shape: [24, 32, 40],
      preprocessing: { source: "none: the array is the network's input" },
      details: { layerSize: [2, 12, 16, 20] },
    });
  });

  it("colours the slices with the ball on the sheet, and the others not", async () => {
    const { files } = await explained({});
    // The second sheet, five slices a row: rows 2 and 3 hold slices 10 to 19.
    const ball = await colour(files.picture, [0.52, 0.48, 0.98, 0.75]);
    const above = await colour(files.picture, [0.52, 0.27, 0.98, 0.47]);
    expect(ball).toBeGreaterThan(1000);
    // Dark blocks of the noise speak a little for the class, too.
    expect(above).toBeLessThan(ball / 10);
  });

  it("takes .npz, further leading axes, and a folder of slices", async () => {
    const { data } = readNpy(readFileSync(volume));
    const array = tensor(data as Float32Array, [1, 1, 24, 32, 40]);
    const archive = join(folder, "ball.npz");
    writeFileSync(archive, writeNpz({ volume: array }));
    const slices = join(folder, "slices");
    mkdirSync(slices);
    for (let slice = 0; slice < 24; slice++) {
      const values = array.data.subarray(slice * 1280, (slice + 1) * 1280);
      const pixels = Uint8Array.from(values, (value) => Math.min(255, Math.max(0, 255 * value)));
      await sharp(pixels, { raw: { width: 40, height: 32, channels: 1 } })
        .png()
        .toFile(join(slices, `slice${slice}.png`));
    }
    for (const image of [archive, slices]) {
      expect(Math.abs(largestSlice(await explained({ images: [image] })) - 15), image).toBeLessThanOrEqual(1);
    }
    rmSync(join(slices, "slice7.png"));
    await expect(explained({ images: [slices] })).rejects.toThrow(/expected 24 slices.*got 23 pictures/);
  });

  it("says what does not fit, and what does", async () => {
    await expect(explained({ methods: ["rise"] })).rejects.toThrow(/These methods explain volumes: gradient/);
    await expect(explained({ evaluate: true })).rejects.toThrow(/--evaluate: expected a model of images/);
    const flat = join(folder, "flat.npy");
    writeFileSync(flat, writeNpy(tensor(new Float32Array(1280), [32, 40])));
    await expect(explained({ images: [flat] })).rejects.toThrow(
      /expected an array of shape \[1, 24, 32, 40\], got \[32, 40\]/,
    );
    const photograph = join(folder, "photograph.png");
    await sharp(new Uint8Array(1280), { raw: { width: 40, height: 32, channels: 1 } })
      .png()
      .toFile(photograph);
    await expect(explained({ images: [photograph] })).rejects.toThrow(
      /expected a volume \[1, 24, 32, 40\], got a photograph/,
    );
  });
});
