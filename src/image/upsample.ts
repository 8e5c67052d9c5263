import { type Extent, extentOf, isSameExtent } from "./extent.ts";
import type { Grid } from "./saliency-map.ts";

/**
 * Where output samples lie between input samples. `half-pixel` aligns the edges of the two images (PyTorch's
 * align_corners = false), `align-corners` the centres of the corner pixels. Never mix them in one pipeline.
 */
export type Upsampling = "half-pixel" | "align-corners";

/** For each output position the lower input position and the weight of the next one. */
interface Interpolation {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly fraction: Float64Array;
}

function interpolation(inputSize: number, outputSize: number, mode: Upsampling): Interpolation {
  const lower = new Int32Array(outputSize);
  const upper = new Int32Array(outputSize);
  const fraction = new Float64Array(outputSize);
  for (let index = 0; index < outputSize; index++) {
    const position =
      mode === "half-pixel"
        ? Math.max(((index + 0.5) * inputSize) / outputSize - 0.5, 0)
        : outputSize === 1
          ? 0
          : (index * (inputSize - 1)) / (outputSize - 1);
    lower[index] = Math.min(Math.floor(position), inputSize - 1);
    upper[index] = Math.min(lower[index]! + 1, inputSize - 1);
    fraction[index] = position - lower[index]!;
  }
  return { lower, upper, fraction };
}

/**
 * The matrix U `[outputSize, inputSize]` (row-major) of bilinear interpolation along one axis: each row sums to 1, and an image
 * upsamples as `U_h M U_w^T`. For masks that are upsampled inside the graph.
 */
export function upsamplingMatrix(inputSize: number, outputSize: number, mode: Upsampling): Float32Array {
  const { lower, upper, fraction } = interpolation(inputSize, outputSize, mode);
  const matrix = new Float32Array(outputSize * inputSize);
  for (let row = 0; row < outputSize; row++) {
    matrix[row * inputSize + lower[row]!]! += 1 - fraction[row]!;
    matrix[row * inputSize + upper[row]!]! += fraction[row]!;
  }
  return matrix;
}

/**
 * The grid at another size by bilinear interpolation (no antialiasing: meant for enlarging). Values stay within the input's range.
 * Default `half-pixel`, as class activation maps are enlarged.
 */
export function upsampleBilinear(
  grid: Grid,
  width: number,
  height: number,
  mode: Upsampling = "half-pixel",
): Grid {
  if (grid.width === width && grid.height === height) return grid;
  const columns = interpolation(grid.width, width, mode);
  const rows = interpolation(grid.height, height, mode);
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const upperRow = rows.lower[y]! * grid.width;
    const lowerRow = rows.upper[y]! * grid.width;
    const down = rows.fraction[y]!;
    for (let x = 0; x < width; x++) {
      const left = columns.lower[x]!;
      const right = columns.upper[x]!;
      const along = columns.fraction[x]!;
      const above = grid.values[upperRow + left]! * (1 - along) + grid.values[upperRow + right]! * along;
      const below = grid.values[lowerRow + left]! * (1 - along) + grid.values[lowerRow + right]! * along;
      values[y * width + x] = above * (1 - down) + below * down;
    }
  }
  return { width, height, values };
}

/**
 * The grid at another extent by linear interpolation along every axis: bilinear for images, trilinear for volumes, by the same
 * convention. A grid without depth is the same in every slice of a volume.
 */
export function upsampleLinear(grid: Grid, extent: Extent, mode: Upsampling = "half-pixel"): Grid {
  const { depth, height, width } = extent;
  if (depth === undefined) return upsampleBilinear(grid, width, height, mode);
  if (isSameExtent(grid, extent)) return grid;
  const { depth: count = 1 } = grid;
  const area = grid.height * grid.width;
  const slices = Array.from({ length: count }, (_, slice) => {
    const values = grid.values.subarray(slice * area, (slice + 1) * area);
    return upsampleBilinear({ height: grid.height, width: grid.width, values }, width, height, mode).values;
  });
  const { lower, upper, fraction } = interpolation(count, depth, mode);
  const values = new Float32Array(depth * height * width);
  for (let slice = 0; slice < depth; slice++) {
    const before = slices[lower[slice]!]!;
    const behind = slices[upper[slice]!]!;
    const along = fraction[slice]!;
    const start = slice * height * width;
    for (let place = 0; place < height * width; place++)
      values[start + place] = before[place]! * (1 - along) + behind[place]! * along;
  }
  return { ...extentOf(extent), values };
}

/**
 * The adjoint of {@link upsampleBilinear}, `U_h^T G U_w`: takes a gradient at the large size to the gradient at the small one.
 * @param width Width of the small grid.
 * @param height Height of the small grid.
 */
export function upsampleBilinearAdjoint(
  gradient: Grid,
  width: number,
  height: number,
  mode: Upsampling = "half-pixel",
): Grid {
  const columns = interpolation(width, gradient.width, mode);
  const rows = interpolation(height, gradient.height, mode);
  const sums = new Float64Array(width * height);
  for (let y = 0; y < gradient.height; y++) {
    const upperRow = rows.lower[y]! * width;
    const lowerRow = rows.upper[y]! * width;
    const down = rows.fraction[y]!;
    for (let x = 0; x < gradient.width; x++) {
      const value = gradient.values[y * gradient.width + x]!;
      const left = columns.lower[x]!;
      const right = columns.upper[x]!;
      const along = columns.fraction[x]!;
      sums[upperRow + left]! += value * (1 - along) * (1 - down);
      sums[upperRow + right]! += value * along * (1 - down);
      sums[lowerRow + left]! += value * (1 - along) * down;
      sums[lowerRow + right]! += value * along * down;
    }
  }
  return { width, height, values: Float32Array.from(sums) };
}
