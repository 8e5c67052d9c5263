/** Row-major strides of a shape. */
export function stridesOf(dims: readonly number[]): readonly number[] {
  const strides = Array.from({ length: dims.length }, () => 1);
  let stride = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= dims[axis] ?? 1;
  }
  return strides;
}

/**
 * Elements of an output whose element at `index` is the source's at an affine position: `base + sum(index * strides)`.
 * Slices, transposes and broadcasts are all of that form.
 */
export function gatherStrided(
  source: readonly number[],
  dims: readonly number[],
  strides: readonly number[],
  base = 0,
): readonly number[] {
  const result: number[] = [];
  const walk = (axis: number, offset: number): void => {
    if (axis === dims.length) {
      result.push(source[offset] ?? 0);
      return;
    }
    const size = dims[axis] ?? 0;
    const step = strides[axis] ?? 0;
    for (let i = 0; i < size; i++) walk(axis + 1, offset + i * step);
  };
  walk(0, base);
  return result;
}

/** Calls `visit` for every multi-index of a shape in row-major order. The array is reused. */
export function forEachIndex(
  dims: readonly number[],
  visit: (index: readonly number[], position: number) => void,
): void {
  const index = dims.map(() => 0);
  const total = dims.reduce((product, dim) => product * dim, 1);
  for (let position = 0; position < total; position++) {
    visit(index, position);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      index[axis] = next < (dims[axis] ?? 1) ? next : 0;
      if (next < (dims[axis] ?? 1)) break;
    }
  }
}

/** The offset of a multi-index. */
export function offsetOf(index: readonly number[], strides: readonly number[]): number {
  let offset = 0;
  for (let axis = 0; axis < index.length; axis++) offset += (index[axis] ?? 0) * (strides[axis] ?? 0);
  return offset;
}
