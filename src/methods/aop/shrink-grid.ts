import { resampleTaps, type Taps } from "../../image/resample-taps.ts";

interface FloatGrid {
  readonly height: number;
  readonly width: number;
  readonly values: Float64Array;
}

/** A map at a smaller size by antialiased bilinear resampling, in float64: base maps finer than the mask keep their mean. */
export function shrinkGrid(
  map: FloatGrid,
  size: { readonly height: number; readonly width: number },
): Float64Array {
  const taps = (inputSize: number, outputSize: number): Taps =>
    resampleTaps({ inputSize, outputSize, start: 0, length: inputSize, filter: "bilinear", antialias: true });
  const rows = taps(map.height, size.height);
  const columns = taps(map.width, size.width);
  const result = new Float64Array(size.height * size.width);
  for (let row = 0; row < size.height; row++) {
    for (let column = 0; column < size.width; column++) {
      let sum = 0;
      for (let i = 0; i < rows.count[row]!; i++) {
        const source = (rows.first[row]! + i) * map.width + columns.first[column]!;
        let line = 0;
        for (let j = 0; j < columns.count[column]!; j++) {
          line += columns.weights[column * columns.capacity + j]! * map.values[source + j]!;
        }
        sum += rows.weights[row * rows.capacity + i]! * line;
      }
      result[row * size.width + column] = sum;
    }
  }
  return result;
}
