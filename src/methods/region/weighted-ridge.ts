/** A linear model fitted to weighted samples. */
export interface RidgeFit {
  readonly coefficients: Float64Array;
  readonly intercept: number;
  /** Weighted share of the variance that the model explains; 1 where there is none. */
  readonly score: number;
}

/**
 * Weighted ridge regression: minimises sum_i w_i (y_i - b - beta . z_i)^2 + alpha |beta|^2 with the intercept b free.
 * Solves (Z^T W Z + alpha I) beta = Z^T W y on samples centred by their weighted means (Cholesky, float64).
 *
 * @param features `count x width` numbers, row-major.
 */
export function weightedRidge(
  features: Uint8Array | Float64Array,
  width: number,
  targets: ArrayLike<number>,
  weights: ArrayLike<number>,
  alpha: number,
): RidgeFit {
  const count = targets.length;
  const means = new Float64Array(width);
  let [totalWeight, targetMean] = [0, 0];
  for (let row = 0; row < count; row++) {
    totalWeight += weights[row]!;
    targetMean += weights[row]! * targets[row]!;
    for (let column = 0; column < width; column++)
      means[column]! += weights[row]! * features[row * width + column]!;
  }
  targetMean /= totalWeight;
  for (let column = 0; column < width; column++) means[column]! /= totalWeight;

  const matrix = new Float64Array(width * width);
  const right = new Float64Array(width);
  const centred = new Float64Array(width);
  let variance = 0;
  for (let row = 0; row < count; row++) {
    const weight = weights[row]!;
    const target = targets[row]! - targetMean;
    variance += weight * target * target;
    for (let column = 0; column < width; column++)
      centred[column] = features[row * width + column]! - means[column]!;
    for (let column = 0; column < width; column++) {
      const scaled = weight * centred[column]!;
      right[column]! += scaled * target;
      for (let other = 0; other <= column; other++)
        matrix[column * width + other]! += scaled * centred[other]!;
    }
  }
  for (let column = 0; column < width; column++) matrix[column * width + column]! += alpha;
  const coefficients = solvePositiveDefinite(matrix, right);

  let residual = 0;
  for (let row = 0; row < count; row++) {
    let error = targets[row]! - targetMean;
    for (let column = 0; column < width; column++)
      error -= coefficients[column]! * (features[row * width + column]! - means[column]!);
    residual += weights[row]! * error * error;
  }
  return {
    coefficients,
    intercept: targetMean - coefficients.reduce((sum, beta, column) => sum + beta * means[column]!, 0),
    score: variance === 0 ? 1 : 1 - residual / variance,
  };
}

/** x with A x = b for a symmetric positive definite A, of which the lower triangle is read (and overwritten). */
function solvePositiveDefinite(matrix: Float64Array, right: Float64Array): Float64Array {
  const size = right.length;
  for (let column = 0; column < size; column++) {
    for (let row = column; row < size; row++) {
      let sum = matrix[row * size + column]!;
      for (let inner = 0; inner < column; inner++)
        sum -= matrix[row * size + inner]! * matrix[column * size + inner]!;
      matrix[row * size + column] = row === column ? Math.sqrt(sum) : sum / matrix[column * size + column]!;
    }
  }
  const result = right.slice();
  for (let row = 0; row < size; row++) {
    for (let inner = 0; inner < row; inner++) result[row]! -= matrix[row * size + inner]! * result[inner]!;
    result[row]! /= matrix[row * size + row]!;
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let inner = row + 1; inner < size; inner++)
      result[row]! -= matrix[inner * size + row]! * result[inner]!;
    result[row]! /= matrix[row * size + row]!;
  }
  return result;
}
