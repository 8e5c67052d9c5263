import { batchItem, concatBatch, type Tensor } from "../tensor/tensor.ts";

/** Largest difference relative to the largest logit that a stack may make; other kernels for other sizes stay far below. */
const tolerance = 1e-4;

/**
 * Compares the logits of two different images stacked with those of each alone.
 *
 * @param run gives the logits `[N, K]` of N images, all in one run
 * @param imageShape `[C, H, W]`, of volumes `[C, D, H, W]`
 * @returns why images must run one by one, or `undefined` if a stack gives the same
 */
export async function stackProblem(
  run: (images: Tensor) => Promise<Tensor>,
  imageShape: readonly number[],
): Promise<string | undefined> {
  const images = [0, 1].map((index) => wave([1, ...imageShape], 12.9898 + 7.31 * index));
  let together: Tensor;
  try {
    together = await run(concatBatch(images));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `A run with a stack of two images failed (${reason.split("\n")[0] ?? ""}), so images run one by one.`;
  }
  let difference = 0;
  let scale = 0;
  for (const [index, image] of images.entries()) {
    const alone = (await run(image)).data;
    const stacked = batchItem(together, index).data;
    for (let position = 0; position < alone.length; position++) {
      difference = Math.max(difference, Math.abs((alone[position] ?? 0) - (stacked[position] ?? 0)));
      scale = Math.max(scale, Math.abs(alone[position] ?? 0));
    }
  }
  if (difference <= tolerance * scale) return undefined;
  return (
    `A stack of two images gives other scores than each alone (they differ by ${difference.toPrecision(2)}), ` +
    "so images run one by one."
  );
}

function wave(dims: readonly number[], frequency: number): Tensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return {
    type: "float32",
    dims,
    data: Float32Array.from({ length: count }, (_, index) => Math.sin(index * frequency)),
  };
}
