/**
 * The L1 weight of I-GOS for an iteration: it is divided by 10 at trunc(T/2) if the score has moved
 * by at most 0.001 since the start, and by 5 at trunc(T/1.25) if by at most 0.01. `scores` holds the noise-free score at
 * the start of each iteration so far; the one of the iteration before is compared. Only for more than 3 iterations.
 */
export function adaptedL1Weight(
  weight: number,
  iteration: number,
  iterations: number,
  scores: readonly number[],
): number {
  if (iterations <= 3) return weight;
  const moved = Math.abs((scores[0] ?? 0) - (scores[iteration - 1] ?? 0));
  let adapted = weight;
  if (iteration === Math.trunc(iterations / 2) && moved <= 0.001) adapted /= 10;
  if (iteration === Math.trunc(iterations / 1.25) && moved <= 0.01) adapted /= 5;
  return adapted;
}
