import { DataError, ShapeError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Extent, spatialDims } from "./extent.ts";

/** What a network takes: channels and the extent of an image, a volume, or a signal (an image of height 1). */
export interface InputShape extends Extent {
  readonly channels: number;
}

/** True of networks of signals: an image of height 1 stands for `[C, L]`. */
export function isSignalShape({ depth, height }: Extent): boolean {
  return depth === undefined && height === 1;
}

/**
 * An array as the input of a network, `[1, C, H, W]` or `[1, C, D, H, W]`. Values are taken as they are, in input space. Leading
 * axes of 1 may be left out: `[D, H, W]` for a volume of one channel, `[C, L]` for a signal.
 * @param name What messages call the array.
 * @throws {@link ShapeError} for another shape; {@link DataError} for values that are not finite.
 */
export function arrayInput(array: Tensor, shape: InputShape, name: string): Tensor {
  const full = [1, shape.channels, ...spatialDims(shape)];
  const forms = isSignalShape(shape) ? [full, full.toSpliced(2, 1)] : [full];
  if (!forms.some((form) => isSameButLeadingOnes(array.dims, form))) {
    const [, ...expected] = forms.at(-1) ?? full;
    const isTurned = isSameMultiset(array.dims, full);
    throw new ShapeError(
      `${name}: expected an array of shape [${expected.join(", ")}], got [${array.dims.join(", ")}]. ` +
        (isTurned
          ? "Transpose it: channels first, then slices or frames, rows, columns."
          : "Resample and crop it to what the model takes."),
    );
  }
  const bad = array.data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new DataError(
      `${name}: expected finite numbers, got ${array.data[bad]} at element ${bad}. Replace it first.`,
    );
  return { ...array, dims: full };
}

/** True of the same sizes in another order, leading axes of 1 aside. */
function isSameMultiset(a: readonly number[], b: readonly number[]): boolean {
  const sorted = (sizes: readonly number[]): string =>
    sizes
      .filter((size) => size !== 1)
      .sort((x, y) => x - y)
      .join();
  return sorted(a) === sorted(b);
}

function isSameButLeadingOnes(dims: readonly number[], expected: readonly number[]): boolean {
  const missing = expected.length - dims.length;
  return (
    missing >= 0 &&
    expected.slice(0, missing).every((size) => size === 1) &&
    expected.slice(missing).every((size, axis) => size === dims[axis])
  );
}
