import { tensor, type Tensor } from "../../tensor/tensor.ts";

/** A keep-mask `[h, w]`, row-major: 1 keeps the image, 0 shows the baseline. Float64, as all sums over masks are. */
export interface Mask {
  readonly height: number;
  readonly width: number;
  readonly values: Float64Array;
}

/** A mask of one value. */
export function constantMask(
  { height, width }: { readonly height: number; readonly width: number },
  value: number,
): Mask {
  return { height, width, values: new Float64Array(height * width).fill(value) };
}

/** The same size with other values. */
export function withValues(mask: Mask, values: Float64Array): Mask {
  return { height: mask.height, width: mask.width, values };
}

/** Masks of one size as `[n, 1, h, w]`, rounded to float32. */
export function maskTensor(masks: readonly Mask[]): Tensor {
  const { height = 0, width = 0 } = masks[0] ?? {};
  const data = new Float32Array(masks.length * height * width);
  masks.forEach((mask, index) => data.set(mask.values, index * height * width));
  return tensor(data, [masks.length, 1, height, width]);
}
