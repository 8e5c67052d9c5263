import { ParameterError } from "../errors.ts";

/** Bilinear sampling with sample centres inside the cells (`half-pixel`), or with the outer samples on the border (`align-corners`); or the nearest cell. */
export const maskUpsamplings = ["half-pixel", "align-corners", "nearest"] as const;
export type MaskUpsampling = (typeof maskUpsamplings)[number];

/** A dense matrix, row-major. */
export interface Matrix {
  readonly rowCount: number;
  readonly columnCount: number;
  readonly values: Float64Array;
}

/**
 * A separable linear map from a grid to a grid of another size: `up(M) = rows M columns^T`.
 * `rows` is `[H, h]`, `columns` is `[W, w]`.
 */
export interface MaskResampling {
  /** Equal keys mean equal matrices; part of the name of every graph built on them. */
  readonly key: string;
  readonly rows: Matrix;
  readonly columns: Matrix;
}

interface Size {
  readonly height: number;
  readonly width: number;
}

/** The resampling that takes a mask of one size to another, typically 28 x 28 to the size of the network's input. */
export function maskResampling(kind: MaskUpsampling, from: Size, to: Size): MaskResampling {
  return {
    key: `${kind}:${from.height}x${from.width}-${to.height}x${to.width}`,
    rows: upsamplingMatrix(kind, from.height, to.height),
    columns: upsamplingMatrix(kind, from.width, to.width),
  };
}

/**
 * The matrix `[to, from]` of one axis; each row sums to 1, so that no value leaves the range of the input.
 */
export function upsamplingMatrix(kind: MaskUpsampling, from: number, to: number): Matrix {
  const values = new Float64Array(to * from);
  for (let index = 0; index < to; index++) {
    if (kind === "nearest") {
      values[index * from + Math.min(Math.floor(((index + 0.5) * from) / to), from - 1)] = 1;
      continue;
    }
    const position =
      kind === "half-pixel"
        ? Math.max(((index + 0.5) * from) / to - 0.5, 0)
        : to === 1
          ? 0
          : (index * (from - 1)) / (to - 1);
    const first = Math.min(Math.floor(position), from - 1);
    const second = Math.min(first + 1, from - 1);
    const share = position - first;
    values[index * from + first]! += 1 - share;
    values[index * from + second]! += share;
  }
  return { rowCount: to, columnCount: from, values };
}

/**
 * The matrix of a Gaussian blur of one axis: window of 4 sigma on each side, border reflected without repeating the edge
 * sample (reflect-101).
 */
export function blurMatrix(size: number, sigma: number): Matrix {
  const radius = Math.min(Math.ceil(4 * sigma), size - 1);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, tap) =>
    Math.exp(-((tap - radius) ** 2) / (2 * sigma * sigma)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const values = new Float64Array(size * size);
  for (let index = 0; index < size; index++) {
    for (let tap = -radius; tap <= radius; tap++) {
      let source = Math.abs(index + tap);
      if (source >= size) source = 2 * (size - 1) - source;
      values[index * size + source]! += weights[tap + radius]! / sum;
    }
  }
  return { rowCount: size, columnCount: size, values };
}

/** First one resampling, then the blur of its result with standard deviation `sigma` pixels. */
export function blurred(resampling: MaskResampling, sigma: number): MaskResampling {
  if (sigma === 0) return resampling;
  return {
    key: `${resampling.key}:blur${sigma}`,
    rows: multiply(blurMatrix(resampling.rows.rowCount, sigma), resampling.rows),
    columns: multiply(blurMatrix(resampling.columns.rowCount, sigma), resampling.columns),
  };
}

/** `up(M)`, in float64: `[h, w]` gives `[H, W]`. */
export function resample(resampling: MaskResampling, mask: Float64Array | Float32Array): Float64Array {
  return sandwich(resampling.rows, mask, transpose(resampling.columns));
}

/** The adjoint `U_h^T G U_w`, in float64: `[H, W]` gives `[h, w]`. */
export function resampleAdjoint(
  resampling: MaskResampling,
  gradient: Float64Array | Float32Array,
): Float64Array {
  return sandwich(transpose(resampling.rows), gradient, resampling.columns);
}

function sandwich(left: Matrix, middle: Float64Array | Float32Array, right: Matrix): Float64Array {
  if (middle.length !== left.columnCount * right.rowCount) {
    throw new ParameterError(
      `mask: expected ${left.columnCount} x ${right.rowCount} = ${left.columnCount * right.rowCount} values, got ${middle.length}. ` +
        "Resample the mask to the size that the resampling was made for.",
    );
  }
  const wide = multiply(
    { rowCount: left.columnCount, columnCount: right.rowCount, values: Float64Array.from(middle) },
    right,
  );
  return multiply(left, wide).values;
}

function multiply(left: Matrix, right: Matrix): Matrix {
  const values = new Float64Array(left.rowCount * right.columnCount);
  const width = right.columnCount;
  for (let row = 0; row < left.rowCount; row++) {
    for (let inner = 0; inner < left.columnCount; inner++) {
      const factor = left.values[row * left.columnCount + inner]!;
      // Interpolation matrices have two entries a row.
      if (factor === 0) continue;
      for (let column = 0; column < width; column++) {
        values[row * width + column]! += factor * right.values[inner * width + column]!;
      }
    }
  }
  return { rowCount: left.rowCount, columnCount: width, values };
}

function transpose({ rowCount, columnCount, values }: Matrix): Matrix {
  const result = new Float64Array(values.length);
  for (let row = 0; row < rowCount; row++) {
    for (let column = 0; column < columnCount; column++)
      result[column * rowCount + row] = values[row * columnCount + column]!;
  }
  return { rowCount: columnCount, columnCount: rowCount, values: result };
}
