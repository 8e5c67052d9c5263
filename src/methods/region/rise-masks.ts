import type { RandomStream } from "../../random/random-stream.ts";

/** What is beyond the outer samples of the grid: mirrored without repeating the edge, or the edge itself. */
export const riseBorders = ["reflect-101", "edge"] as const;
export type RiseBorder = (typeof riseBorders)[number];

/** How random grids become masks of the image's size. */
export interface RiseGeometry {
  readonly gridSize: number;
  readonly height: number;
  readonly width: number;
  readonly border: RiseBorder;
  /** Probability that a cell of the grid is 1. */
  readonly keep: number;
}

/** A random grid and where its enlargement is cropped. */
export interface RiseDraw {
  /** `gridSize x gridSize` zeros and ones, row-major. */
  readonly grid: Float32Array;
  /** Rows `[H, s]` and columns `[s, W]`: the mask is rows x grid x columns. */
  readonly rows: Float32Array;
  readonly columns: Float32Array;
}

/**
 * Draws masks: a grid of Bernoulli(keep) cells is enlarged to (s + 1) ceil(size / s) by bilinear
 * interpolation and cropped at a random offset below one cell. The grid is drawn first, row by row, then the vertical and
 * the horizontal offset.
 */
export function riseMasks(geometry: RiseGeometry): (random: RandomStream) => RiseDraw {
  const { gridSize, height, width, border, keep } = geometry;
  const rows = enlargement(gridSize, height, border);
  const columns = enlargement(gridSize, width, border);
  return (random) => {
    const grid = Float32Array.from({ length: gridSize * gridSize }, () => (random.uniform() < keep ? 1 : 0));
    const top = random.integer(rows.cell);
    const left = random.integer(columns.cell);
    return {
      grid,
      rows: rows.matrix.slice(top * gridSize, (top + height) * gridSize),
      columns: transposed(columns.matrix.subarray(left * gridSize, (left + width) * gridSize), gridSize),
    };
  };
}

/** Adds `weight` times the mask to `sum` (`H x W`). */
export function addMask(
  sum: Float64Array,
  draw: RiseDraw,
  weight: number,
  { gridSize, height, width }: RiseGeometry,
): void {
  // Enlarged along x first: rows of the grid are few.
  const wide = new Float64Array(gridSize * width);
  for (let row = 0; row < gridSize; row++) {
    for (let inner = 0; inner < gridSize; inner++) {
      if (draw.grid[row * gridSize + inner] === 0) continue;
      for (let x = 0; x < width; x++) wide[row * width + x]! += weight * draw.columns[inner * width + x]!;
    }
  }
  for (let y = 0; y < height; y++) {
    for (let inner = 0; inner < gridSize; inner++) {
      const share = draw.rows[y * gridSize + inner]!;
      if (share === 0) continue;
      for (let x = 0; x < width; x++) sum[y * width + x]! += share * wide[inner * width + x]!;
    }
  }
}

/** The matrix `[(s + 1) cell, s]` that enlarges one axis, and the cell's size in pixels. */
function enlargement(
  gridSize: number,
  size: number,
  border: RiseBorder,
): { readonly cell: number; readonly matrix: Float32Array } {
  const cell = Math.ceil(size / gridSize);
  const length = (gridSize + 1) * cell;
  const matrix = new Float32Array(length * gridSize);
  const inside = (index: number): number => {
    if (border === "edge" || gridSize === 1) return Math.min(Math.max(index, 0), gridSize - 1);
    return index < 0 ? -index : index >= gridSize ? 2 * (gridSize - 1) - index : index;
  };
  for (let row = 0; row < length; row++) {
    const position = ((row + 0.5) * gridSize) / length - 0.5;
    const lower = Math.floor(position);
    matrix[row * gridSize + inside(lower)]! += 1 - (position - lower);
    matrix[row * gridSize + inside(lower + 1)]! += position - lower;
  }
  return { cell, matrix };
}

function transposed(matrix: Float32Array, columnCount: number): Float32Array {
  const rowCount = matrix.length / columnCount;
  const result = new Float32Array(matrix.length);
  for (let row = 0; row < rowCount; row++) {
    for (let column = 0; column < columnCount; column++) {
      result[column * rowCount + row] = matrix[row * columnCount + column]!;
    }
  }
  return result;
}
