import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { GraphBuilder } from "../../src/graph/graph-builder.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { mersenneStream } from "../../src/random/random-stream.ts";
import { tensor } from "../../src/tensor/tensor.ts";

/** Writes a convolutional classifier of 16 x 16 colour images with seeded weights: milliseconds an image. */
export function writeTinyClassifier(
  path: string,
  options: { readonly classCount?: number; readonly seed?: number } = {},
): string {
  const { classCount = 4, seed = 1 } = options;
  const random = mersenneStream(seed);
  const weights = (dims: readonly number[], scale: number) =>
    tensor(
      Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, () => scale * random.normal()),
      dims,
    );
  const g = GraphBuilder.empty();
  const image = g.input("image", ["batch", 3, 16, 16]);
  const convolved = g.node(
    "Conv",
    [image, g.constant(weights([8, 3, 3, 3], 0.5)), g.constant(weights([8], 0.1))],
    {
      pads: [1, 1, 1, 1],
      strides: [2, 2],
    },
  );
  const activations = g.unary("Relu", convolved);
  const pooled = g.node("Flatten", [g.unary("GlobalAveragePool", activations)], { axis: 1 });
  g.output(
    g.node(
      "Gemm",
      [pooled, g.constant(weights([classCount, 8], 2)), g.constant(weights([classCount], 0.1))],
      { transB: 1 },
    ),
    "logits",
  );
  writeFileSync(path, writeModel({ graph: g.build(), opsets: new Map([["", 17]]) }).bytes);
  return path;
}

/** Writes small pictures of noise around a bright square; names and pixels depend on their number only. */
export async function writeTinyPhotographs(
  folder: string,
  count: number,
  name = (index: number) => `photo-${index}.png`,
): Promise<void> {
  for (let index = 0; index < count; index++) {
    const random = mersenneStream(1000 + index);
    const pixels = Uint8Array.from({ length: 20 * 20 * 3 }, () => random.integer(120));
    const [left, top] = [random.integer(10), random.integer(10)];
    for (let y = top; y < top + 8; y++) pixels.fill(230, (y * 20 + left) * 3, (y * 20 + left + 8) * 3);
    await sharp(pixels, { raw: { width: 20, height: 20, channels: 3 } })
      .png()
      .toFile(join(folder, name(index)));
  }
}
