/** Interpolation kernels by the names that Pillow gives them. */
export type ResizeFilter = "nearest" | "box" | "bilinear" | "bicubic" | "lanczos3";

/** All filters, for schemas and forms. */
export const resizeFilters = ["nearest", "box", "bilinear", "bicubic", "lanczos3"] as const;

/** For each output sample: which input samples it is made of, and their weights (sum 1). */
export interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `capacity` weights an output sample, the first `count` of them used. */
  readonly weights: Float64Array;
  readonly capacity: number;
}

export interface ResampleRequest {
  readonly inputSize: number;
  readonly outputSize: number;
  /** The stretch of the input axis that fills the output: `start .. start + length`. */
  readonly start: number;
  readonly length: number;
  readonly filter: ResizeFilter;
  readonly antialias: boolean;
}

const kernels: Readonly<
  Record<Exclude<ResizeFilter, "nearest">, { support: number; weight: (x: number) => number }>
> = {
  // Half open, so that a sample exactly between two pixels takes one of them.
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: (x) => keys(Math.abs(x)) },
  lanczos3: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

// Keys' cubic convolution with a = -1/2, as Pillow uses it (OpenCV and PyTorch take -3/4).
function keys(x: number): number {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

function sinc(x: number): number {
  if (x === 0) return 1;
  return Math.sin(Math.PI * x) / (Math.PI * x);
}

/**
 * Resampling weights along one axis: with scale `s = length / outputSize` and radius `support * max(s, 1)`
 * output `i` is centred on `start + (i + 0.5) s`; taps outside the axis are left out and the rest is normalised.
 */
export function resampleTaps(request: ResampleRequest): Taps {
  const { inputSize, outputSize, start, length, filter, antialias } = request;
  const scale = length / outputSize;
  const first = new Int32Array(outputSize);
  const count = new Int32Array(outputSize);
  if (filter === "nearest") {
    for (let index = 0; index < outputSize; index++) {
      first[index] = Math.max(0, Math.min(inputSize - 1, Math.floor(start + (index + 0.5) * scale)));
    }
    return { first, count: count.fill(1), weights: new Float64Array(outputSize).fill(1), capacity: 1 };
  }
  const kernel = kernels[filter];
  const stretch = antialias ? Math.max(scale, 1) : 1;
  const radius = kernel.support * stretch;
  const capacity = Math.min(inputSize, Math.ceil(radius) * 2 + 1);
  const weights = new Float64Array(outputSize * capacity);
  for (let index = 0; index < outputSize; index++) {
    const centre = start + (index + 0.5) * scale;
    // Clamped so that a centre that floating point put a hair outside still has one tap.
    const begin = Math.min(Math.max(Math.trunc(centre - radius + 0.5), 0), inputSize - 1);
    const end = Math.max(Math.min(Math.trunc(centre + radius + 0.5), inputSize), begin + 1);
    const offset = index * capacity;
    let sum = 0;
    for (let tap = 0; tap < end - begin; tap++) {
      const weight = kernel.weight((begin + tap - centre + 0.5) / stretch);
      weights[offset + tap] = weight;
      sum += weight;
    }
    if (sum === 0) weights[offset] = sum = 1;
    for (let tap = 0; tap < end - begin; tap++) weights[offset + tap]! /= sum;
    first[index] = begin;
    count[index] = end - begin;
  }
  return { first, count, weights, capacity };
}
