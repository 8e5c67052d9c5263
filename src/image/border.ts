/**
 * What lies beyond the edge of an image, for the row `a b c d`: `reflect-101` gives `c b | a b c d | c b` (OpenCV's default),
 * `symmetric` gives `b a | a b c d | d c` (SciPy's `reflect`), `edge` gives `a a | a b c d | d d`.
 */
export type Border = "reflect-101" | "symmetric" | "edge";

/** The position inside `0 .. size - 1` that stands for any `index`, however far outside. */
export function borderIndex(index: number, size: number, border: Border): number {
  if (index >= 0 && index < size) return index;
  if (border === "edge" || size === 1) return index < 0 ? 0 : size - 1;
  const period = border === "symmetric" ? 2 * size : 2 * size - 2;
  const folded = ((index % period) + period) % period;
  if (folded < size) return folded;
  return border === "symmetric" ? period - 1 - folded : period - folded;
}
