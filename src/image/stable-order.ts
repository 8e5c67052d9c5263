/**
 * The indices that sort non-negative numbers ascending, equal ones in their given order. A radix sort over the bits of the
 * doubles, whose order as integers is their order as numbers: some ten times faster than sorting with a comparator.
 * @param values At least 0, no NaN.
 */
export function stableOrder(values: Float64Array): Uint32Array {
  // Adding 0 turns -0, whose sign bit would sort it last, into 0.
  const words = new Uint16Array(values.map((value) => value + 0).buffer);
  let order = Uint32Array.from(values, (_, index) => index);
  let next = new Uint32Array(values.length);
  // Least significant 16 bits first (little-endian, as every platform with typed arrays of today).
  for (let word = 0; word < 4; word++) {
    const starts = new Uint32Array(65537);
    for (const index of order) starts[words[index * 4 + word]! + 1]!++;
    for (let bucket = 1; bucket < starts.length; bucket++) starts[bucket]! += starts[bucket - 1]!;
    for (const index of order) next[starts[words[index * 4 + word]!]!++] = index;
    [order, next] = [next, order];
  }
  return order;
}
