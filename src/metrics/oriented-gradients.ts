import type { Grid } from "../image/saliency-map.ts";

/**
 * Histogram of oriented gradients of a map: 9 unsigned orientations, cells of 16 x 16 pixels, blocks of 3 x 3 cells with
 * L2-Hys normalisation (clip at 0.2). Compared by rank correlation in the parameter randomisation test. Empty for maps
 * smaller than one block.
 */
export function orientedGradients(map: Grid, cellSize = 16): Float32Array {
  const [rows, columns] = [Math.floor(map.height / cellSize), Math.floor(map.width / cellSize)];
  const cells = cellHistograms(map, rows, columns, cellSize);
  const features: number[] = [];
  for (let row = 0; row + 3 <= rows; row++) {
    for (let column = 0; column + 3 <= columns; column++) {
      const block: number[] = [];
      for (let index = 0; index < 9; index++) {
        const cell = (row + Math.floor(index / 3)) * columns + column + (index % 3);
        block.push(...cells.subarray(cell * 9, cell * 9 + 9));
      }
      features.push(...normalized(normalized(block).map((value) => Math.min(value, 0.2))));
    }
  }
  return Float32Array.from(features);
}

function cellHistograms(map: Grid, rows: number, columns: number, cellSize: number): Float64Array {
  const cells = new Float64Array(rows * columns * 9);
  const at = (x: number, y: number): number => map.values[y * map.width + x] ?? 0;
  for (let y = 0; y < rows * cellSize; y++) {
    for (let x = 0; x < columns * cellSize; x++) {
      // Central differences; none at the border.
      const dx = x === 0 || x === map.width - 1 ? 0 : at(x + 1, y) - at(x - 1, y);
      const dy = y === 0 || y === map.height - 1 ? 0 : at(x, y + 1) - at(x, y - 1);
      const angle = ((Math.atan2(dy, dx) * 180) / Math.PI + 180) % 180;
      const bin = Math.min(8, Math.floor(angle / 20));
      const cell = Math.floor(y / cellSize) * columns + Math.floor(x / cellSize);
      cells[cell * 9 + bin] = (cells[cell * 9 + bin] ?? 0) + Math.hypot(dx, dy) / cellSize ** 2;
    }
  }
  return cells;
}

function normalized(block: readonly number[]): readonly number[] {
  const norm = Math.sqrt(block.reduce((sum, value) => sum + value * value, 1e-10));
  return block.map((value) => value / norm);
}
