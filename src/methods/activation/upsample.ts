import type { Grid } from "../../image/saliency-map.ts";

/** For each output sample the two input samples around it and the share of the second one. */
interface HalfPixelTaps {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly share: Float64Array;
}

/**
 * A map at another size: bilinear, `halfPixel` (`align_corners = false`) sampling, output i at max((i + 0.5) n/N - 0.5, 0).
 * Values stay between the smallest and the largest of the input.
 */
export function upsampleHalfPixel(
  grid: { readonly width: number; readonly height: number; readonly values: Float32Array | Float64Array },
  width: number,
  height: number,
): Grid {
  const columns = halfPixelTaps(grid.width, width);
  const rows = halfPixelTaps(grid.height, height);
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const top = rows.first[y]! * grid.width;
    const bottom = rows.second[y]! * grid.width;
    const down = rows.share[y]!;
    for (let x = 0; x < width; x++) {
      const left = columns.first[x]!;
      const right = columns.second[x]!;
      const across = columns.share[x]!;
      const above = grid.values[top + left]! * (1 - across) + grid.values[top + right]! * across;
      const below = grid.values[bottom + left]! * (1 - across) + grid.values[bottom + right]! * across;
      values[y * width + x] = above * (1 - down) + below * down;
    }
  }
  return { width, height, values };
}

function halfPixelTaps(inputSize: number, outputSize: number): HalfPixelTaps {
  const first = new Int32Array(outputSize);
  const second = new Int32Array(outputSize);
  const share = new Float64Array(outputSize);
  for (let index = 0; index < outputSize; index++) {
    const position = Math.max(((index + 0.5) * inputSize) / outputSize - 0.5, 0);
    first[index] = Math.min(Math.floor(position), inputSize - 1);
    second[index] = Math.min(first[index]! + 1, inputSize - 1);
    share[index] = position - first[index]!;
  }
  return { first, second, share };
}
