import { writeFileSync } from "node:fs";
import sharp from "sharp";
import { writeWholeModel } from "../../src/onnx/write.ts";
import { smallConvolutionalModel } from "./small-model.ts";

/** Writes the small convolutional classifier (`[N, 3, 16, 16]` to 5 classes) as an ONNX file. */
export function writeSmallModel(path: string): void {
  writeFileSync(path, writeWholeModel(smallConvolutionalModel().onnx));
}

/** Writes a PNG of coloured blocks, other ones for each seed. */
export async function writePhotograph(path: string, seed: number): Promise<void> {
  const data = Buffer.from(
    Array.from({ length: 48 * 32 * 3 }, (_, index) => {
      const [x, y] = [Math.floor(index / 3) % 48, Math.floor(index / 144)];
      return 128 + 120 * Math.sin(seed + Math.floor(x / 8) * 1.7 + Math.floor(y / 8) * 2.3 + (index % 3));
    }),
  );
  await sharp(data, { raw: { width: 48, height: 32, channels: 3 } })
    .png()
    .toFile(path);
}
