/** A closed polygon: x and y alternating, in pixels, y down. */
export type Contour = readonly number[];

/**
 * The share (0..1) of each pixel that lies inside closed contours, `[height, width]`; exact areas, so that small text is smooth.
 * Contours of opposite direction cut holes. Parts outside the rectangle are left out.
 */
export function coverage(contours: readonly Contour[], width: number, height: number): Float32Array {
  // Each edge adds, from its pixel on to the right, the height it spans: a running sum along a row then is the coverage.
  const stride = width + 2;
  const deltas = new Float32Array(stride * height);
  for (const contour of contours) {
    for (let index = 0; index < contour.length; index += 2) {
      const next = (index + 2) % contour.length;
      addEdge(
        deltas,
        stride,
        height,
        contour[index]!,
        contour[index + 1]!,
        contour[next]!,
        contour[next + 1]!,
      );
    }
  }
  const result = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    let sum = 0;
    for (let x = 0; x < width; x++) {
      sum += deltas[y * stride + x]!;
      result[y * width + x] = Math.min(1, Math.abs(sum));
    }
  }
  return result;
}

/** Cuts an edge at the pixel grid and adds each piece's share to its pixel and the rest to the next one. */
function addEdge(
  deltas: Float32Array,
  stride: number,
  height: number,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
): void {
  if (y0 === y1) return;
  const direction = y0 < y1 ? 1 : -1;
  const [topX, topY, bottomX, bottomY] = y0 < y1 ? [x0, y0, x1, y1] : [x1, y1, x0, y0];
  const slope = (bottomX - topX) / (bottomY - topY);
  for (let row = Math.max(0, Math.floor(topY)); row < Math.min(height, Math.ceil(bottomY)); row++) {
    const from = Math.max(topY, row);
    const to = Math.min(bottomY, row + 1);
    const a = topX + (from - topY) * slope;
    const b = topX + (to - topY) * slope;
    const left = Math.min(a, b);
    const right = Math.max(a, b);
    for (let start = left; ;) {
      const column = Math.floor(start);
      const end = Math.min(right, column + 1);
      const span = right === left ? to - from : ((to - from) * (end - start)) / (right - left);
      const inside = column < 0 ? 1 : column + 1 - (start + end) / 2;
      const target = row * stride + Math.max(0, Math.min(column, stride - 2));
      deltas[target]! += direction * span * inside;
      deltas[target + 1]! += direction * span * (1 - inside);
      if (end >= right) break;
      start = end;
    }
  }
}
