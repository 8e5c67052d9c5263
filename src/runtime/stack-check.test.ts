import { describe, expect, it } from "vitest";
import { batchItem, concatBatch, tensor, type Tensor } from "../tensor/tensor.ts";
import { stackProblem } from "./stack-check.ts";

/** Logits that are the mean and the maximum of an image. */
function each(images: Tensor): Tensor {
  const rows = Array.from({ length: images.dims[0] ?? 0 }, (_, index) => {
    const { data } = batchItem(images, index);
    return tensor([data.reduce((sum, value) => sum + value, 0) / data.length, Math.max(...data)], [1, 2]);
  });
  return concatBatch(rows);
}

describe("stackProblem", () => {
  it("finds nothing where every image is computed by itself", async () => {
    expect(await stackProblem((images) => Promise.resolve(each(images)), [3, 4, 4])).toBeUndefined();
  });

  it("says so where the images of a stack change each other", async () => {
    const mixed = (images: Tensor): Promise<Tensor> => {
      const { dims, data } = each(images);
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
      return Promise.resolve(
        tensor(
          data.map((value) => value - mean),
          dims,
        ),
      );
    };
    expect(await stackProblem(mixed, [3, 4, 4])).toMatch(
      /^A stack of two images gives other scores than each alone \(they differ by 0\.\d+\), so images run one by one\.$/,
    );
  });

  it("says so where a stack cannot be run", async () => {
    const single = (images: Tensor): Promise<Tensor> =>
      images.dims[0] === 1 ? Promise.resolve(each(images)) : Promise.reject(new Error("Reshape: 1 x 16"));
    expect(await stackProblem(single, [3, 4, 4])).toBe(
      "A run with a stack of two images failed (Reshape: 1 x 16), so images run one by one.",
    );
  });

  it("takes logits that are not finite for a difference", async () => {
    const broken = (images: Tensor): Promise<Tensor> =>
      Promise.resolve(images.dims[0] === 1 ? each(images) : tensor([NaN, NaN, NaN, NaN], [2, 2]));
    expect(await stackProblem(broken, [3, 4, 4])).toMatch(/so images run one by one/);
  });
});
