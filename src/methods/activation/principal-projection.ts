/**
 * X v for the first right singular vector v of X, whose row p holds the channels of place p. By power iteration on the
 * Gram matrix X X^T (places x places): X v = sqrt(lambda_1) u_1. At most 200 iterations, or a relative change below 1e-10.
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
  const gram = gramMatrix(activations, channels, places, centred);
  let direction = startVector(gram, places, centred);
  let eigenvalue = 0;
  for (let round = 0; round < 200; round++) {
    const next = new Float64Array(places);
    let norm = 0;
    for (let row = 0; row < places; row++) {
      let sum = 0;
      for (let column = 0; column < places; column++)
        sum += gram[row * places + column]! * direction[column]!;
      next[row] = sum;
      norm += sum * sum;
    }
    norm = Math.sqrt(norm);
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

function gramMatrix(
  activations: Float32Array,
  channels: number,
  places: number,
  centred: boolean,
): Float64Array {
  const gram = new Float64Array(places * places);
  const column = new Float64Array(places);
  for (let channel = 0; channel < channels; channel++) {
    let mean = 0;
    for (let place = 0; place < places; place++) mean += activations[channel * places + place]! / places;
    for (let place = 0; place < places; place++)
      column[place] = activations[channel * places + place]! - (centred ? mean : 0);
    for (let row = 0; row < places; row++) {
      const value = column[row]!;
      if (value === 0) continue;
      for (let other = 0; other < places; other++) gram[row * places + other]! += value * column[other]!;
    }
  }
  return gram;
}

// All ones, which no non-negative matrix is orthogonal to. Centring puts that vector into the null space: there the
// row of the largest norm.
function startVector(gram: Float64Array, places: number, centred: boolean): Float64Array {
  if (!centred) return new Float64Array(places).fill(1 / Math.sqrt(places));
  let largest = 0;
  for (let place = 1; place < places; place++) {
    if (gram[place * places + place]! > gram[largest * places + largest]!) largest = place;
  }
  return new Float64Array(places).fill(0).fill(1, largest, largest + 1);
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
