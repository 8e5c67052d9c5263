/** The median of the `size` x `size` window around each pixel of a plane, borders replicated. `size` is odd. */
export function medianFilter(plane: Uint8Array, width: number, height: number, size: number): Uint8Array {
  const radius = (size - 1) / 2;
  const result = new Uint8Array(plane.length);
  const rank = (size * size + 1) / 2;
  const clampRow = (y: number): number => Math.min(height - 1, Math.max(0, y)) * width;
  const clampColumn = (x: number): number => Math.min(width - 1, Math.max(0, x));
  for (let y = 0; y < height; y++) {
    // A histogram of the window that slides along the row (Huang 1979): one column in, one out.
    const histogram = new Int32Array(256);
    const addColumn = (x: number, count: number): void => {
      for (let dy = -radius; dy <= radius; dy++)
        histogram[plane[clampRow(y + dy) + clampColumn(x)]!]! += count;
    };
    for (let dx = -radius; dx <= radius; dx++) addColumn(dx, 1);
    for (let x = 0; x < width; x++) {
      let below = 0;
      let value = 0;
      for (; value < 255; value++) {
        below += histogram[value]!;
        if (below >= rank) break;
      }
      result[y * width + x] = value;
      addColumn(x - radius, -1);
      addColumn(x + radius + 1, 1);
    }
  }
  return result;
}
