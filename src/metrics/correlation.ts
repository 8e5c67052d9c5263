/** Pearson's correlation, -1..1; `null` where one of the two is constant. */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const count = a.length;
  let [meanA, meanB] = [0, 0];
  for (let index = 0; index < count; index++) {
    meanA += (a[index] ?? 0) / count;
    meanB += (b[index] ?? 0) / count;
  }
  let [ab, aa, bb] = [0, 0, 0];
  for (let index = 0; index < count; index++) {
    const [da, db] = [(a[index] ?? 0) - meanA, (b[index] ?? 0) - meanB];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  // Rounding leaves a constant list a variance of about (1e-16 mean)^2.
  const isConstant = (variance: number, mean: number): boolean => variance <= count * (1e-14 * mean) ** 2;
  return isConstant(aa, meanA) || isConstant(bb, meanB) ? null : ab / Math.sqrt(aa * bb);
}

/** Spearman's rank correlation with average ranks for ties; `null` where one of the two is constant. */
export function spearman(a: Float32Array, b: Float32Array): number | null {
  return pearson(averageRanks(a), averageRanks(b));
}

/** Ranks from 1, ascending; equal values get the mean of their ranks. */
export function averageRanks(values: Float32Array): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const result = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end++;
    for (let position = start; position < end; position++)
      result[order[position] ?? 0] = (start + 1 + end) / 2;
    start = end;
  }
  return result;
}
