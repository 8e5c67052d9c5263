/** Above so many places the Gram matrix (8 bytes times their square) is not made: volumes have that many. */
const mostPlacesInGram = 4096;

/**
 * X v for the first right singular vector v of X, whose row p holds the channels of place p. By power iteration on the
 * Gram matrix X X^T (places x places): X v = sqrt(lambda_1) u_1. At most 200 iterations, or a relative change below 1e-10. Of
 * many places the matrix is applied as X (X^T u) instead of being made.
 *
 * @param activations channel by channel, `channels` times the number of places.
 * @param centred subtracts each channel's mean first.
 */
export function principalProjection(
  activations: Float32Array,
  channels: number,
  centred: boolean,
): Float64Array {
  const places = activations.length / channels;
  const columns = Array.from({ length: channels }, (_, channel) =>
    column(activations.subarray(channel * places, (channel + 1) * places), centred),
  );
  const product =
    places <= mostPlacesInGram ? gramProduct(columns, places) : factoredProduct(columns, places);
  let direction = startVector(columns, places, centred);
  let eigenvalue = 0;
  for (let round = 0; round < 200; round++) {
    const next = product(direction);
    const norm = Math.sqrt(next.reduce((sum, value) => sum + value * value, 0));
    if (norm === 0) return next;
    let change = 0;
    for (let row = 0; row < places; row++) {
      next[row]! /= norm;
      change += (next[row]! - direction[row]!) ** 2;
    }
    direction = next;
    eigenvalue = norm;
    if (Math.sqrt(change) < 1e-10) break;
  }
  const projection = direction.map((value) => Math.sqrt(eigenvalue) * value);
  return isUpsideDown(projection, centred) ? projection.map((value) => -value) : projection;
}

/** A column of X: one channel, with its mean subtracted where that is asked for. */
function column(values: Float32Array, centred: boolean): Float64Array {
  let mean = 0;
  if (centred) for (const value of values) mean += value / values.length;
  return Float64Array.from(values, (value) => value - mean);
}

type Product = (vector: Float64Array) => Float64Array;

function gramProduct(columns: readonly Float64Array[], places: number): Product {
  const gram = new Float64Array(places * places);
  for (const values of columns) {
    for (let row = 0; row < places; row++) {
      const value = values[row]!;
      if (value === 0) continue;
      for (let other = 0; other < places; other++) gram[row * places + other]! += value * values[other]!;
    }
  }
  return (vector) =>
    Float64Array.from({ length: places }, (_, row) => {
      let sum = 0;
      for (let other = 0; other < places; other++) sum += gram[row * places + other]! * vector[other]!;
      return sum;
    });
}

function factoredProduct(columns: readonly Float64Array[], places: number): Product {
  return (vector) => {
    const result = new Float64Array(places);
    for (const values of columns) {
      let share = 0;
      for (let place = 0; place < places; place++) share += values[place]! * vector[place]!;
      for (let place = 0; place < places; place++) result[place]! += share * values[place]!;
    }
    return result;
  };
}

// All ones, which no non-negative matrix is orthogonal to. Centring puts that vector into the null space: there the
// place of the largest norm.
function startVector(columns: readonly Float64Array[], places: number, centred: boolean): Float64Array {
  if (!centred) return new Float64Array(places).fill(1 / Math.sqrt(places));
  const norms = new Float64Array(places);
  for (const values of columns) values.forEach((value, place) => (norms[place]! += value * value));
  const largest = norms.reduce((best, norm, place) => (norm > norms[best]! ? place : best), 0);
  return new Float64Array(places).fill(1, largest, largest + 1);
}

function isUpsideDown(projection: Float64Array, centred: boolean): boolean {
  const sum = projection.reduce((total, value) => total + value, 0);
  if (!centred) return sum < 0;
  const high = Math.abs(projection.reduce((max, value) => Math.max(max, value), -Infinity));
  const low = Math.abs(projection.reduce((min, value) => Math.min(min, value), Infinity));
  // Equal up to rounding counts as a tie.
  if (Math.abs(high - low) <= 1e-12 * Math.max(high, low)) return sum < 0;
  return high < low;
}
