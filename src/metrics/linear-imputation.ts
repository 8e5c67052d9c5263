import type { RandomStream } from "../random/random-stream.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Weights of the eight neighbours: 1/6 beside, 1/12 across. */
const neighbors = [
  [-1, 0, 1 / 6],
  [1, 0, 1 / 6],
  [0, -1, 1 / 6],
  [0, 1, 1 / 6],
  [-1, -1, 1 / 12],
  [1, -1, 1 / 12],
  [-1, 1, 1 / 12],
  [1, 1, 1 / 12],
] as const;

/**
 * Replaces pixels so that each is the weighted mean of its eight neighbours (those that exist), plus Gaussian noise: the
 * noisy linear imputation of ROAD, which leaves no trace of the mask's shape for a network to see.
 *
 * The system (a graph Laplacian with the kept pixels as boundary) is symmetric and positive definite, so conjugate
 * gradients solve it; they stop at a residual of 1e-4 of the right-hand side, far below the noise.
 *
 * @param image `[1, C, H, W]`.
 * @param isRemoved One flag a pixel. With all pixels removed the result is zeros and noise.
 * @param noise Standard deviation, in input space.
 */
export function imputeLinearly(
  image: Tensor,
  isRemoved: Uint8Array,
  noise: number,
  random: RandomStream,
): Tensor {
  const [, channels = 1, height = 1, width = 1] = image.dims;
  const system = laplacian(isRemoved, height, width);
  const data = image.data.slice();
  const plane = height * width;
  for (let channel = 0; channel < channels; channel++) {
    const values = data.subarray(channel * plane, (channel + 1) * plane);
    const solution = system.isSingular ? new Float64Array(system.pixels.length) : solve(system, values);
    system.pixels.forEach((pixel, unknown) => {
      values[pixel] = (solution[unknown] ?? 0) + noise * random.normal();
    });
  }
  return { type: "float32", dims: image.dims, data };
}

interface LaplaceSystem {
  /** Raster index of each unknown. */
  readonly pixels: Uint32Array;
  /** Eight entries an unknown: unknown index of the neighbour, -1 for a kept pixel, -2 for none. */
  readonly links: Int32Array;
  /** Raster index of each neighbour. */
  readonly places: Int32Array;
  readonly diagonal: Float64Array;
  readonly isSingular: boolean;
}

function laplacian(isRemoved: Uint8Array, height: number, width: number): LaplaceSystem {
  const unknownOf = new Int32Array(isRemoved.length).fill(-1);
  const list: number[] = [];
  isRemoved.forEach((flag, pixel) => {
    if (flag === 0) return;
    unknownOf[pixel] = list.length;
    list.push(pixel);
  });
  const pixels = Uint32Array.from(list);
  const links = new Int32Array(pixels.length * 8).fill(-2);
  const places = new Int32Array(pixels.length * 8);
  const diagonal = new Float64Array(pixels.length);
  pixels.forEach((pixel, unknown) => {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    neighbors.forEach(([dx, dy, weight], slot) => {
      const [u, v] = [x + dx, y + dy];
      if (u < 0 || v < 0 || u >= width || v >= height) return;
      const place = v * width + u;
      places[unknown * 8 + slot] = place;
      links[unknown * 8 + slot] = unknownOf[place] ?? -1;
      diagonal[unknown] = (diagonal[unknown] ?? 0) + weight;
    });
  });
  return { pixels, links, places, diagonal, isSingular: pixels.length === isRemoved.length };
}

function solve(system: LaplaceSystem, values: Float32Array): Float64Array {
  const { pixels, links, places, diagonal } = system;
  const count = pixels.length;
  const right = new Float64Array(count);
  let mean = 0;
  for (let unknown = 0; unknown < count; unknown++) {
    for (let slot = 0; slot < 8; slot++) {
      if (links[unknown * 8 + slot] !== -1) continue;
      right[unknown] =
        (right[unknown] ?? 0) + (neighbors[slot]?.[2] ?? 0) * (values[places[unknown * 8 + slot] ?? 0] ?? 0);
    }
    mean += (values[pixels[unknown] ?? 0] ?? 0) / count;
  }
  const solution = new Float64Array(count).fill(mean);
  const residual = new Float64Array(count);
  const applied = apply(system, solution);
  for (let index = 0; index < count; index++) residual[index] = (right[index] ?? 0) - (applied[index] ?? 0);
  // Jacobi preconditioning: the diagonal is below 1 only at the borders, but it costs nothing.
  const direction = residual.map((value, index) => value / (diagonal[index] ?? 1));
  let energy = dot(residual, direction);
  const goal = 1e-8 * Math.max(dot(right, right), 1e-12);
  for (let iteration = 0; iteration < 2000 && dot(residual, residual) > goal; iteration++) {
    const image = apply(system, direction);
    const step = energy / dot(direction, image);
    for (let index = 0; index < count; index++) {
      solution[index] = (solution[index] ?? 0) + step * (direction[index] ?? 0);
      residual[index] = (residual[index] ?? 0) - step * (image[index] ?? 0);
    }
    const scaled = residual.map((value, index) => value / (diagonal[index] ?? 1));
    const next = dot(residual, scaled);
    const carry = next / energy;
    for (let index = 0; index < count; index++)
      direction[index] = (scaled[index] ?? 0) + carry * (direction[index] ?? 0);
    energy = next;
  }
  return solution;
}

function apply({ links, diagonal }: LaplaceSystem, vector: Float64Array): Float64Array {
  return vector.map((value, unknown) => {
    let sum = (diagonal[unknown] ?? 0) * value;
    for (let slot = 0; slot < 8; slot++) {
      const link = links[unknown * 8 + slot] ?? -2;
      if (link >= 0) sum -= (neighbors[slot]?.[2] ?? 0) * (vector[link] ?? 0);
    }
    return sum;
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}
