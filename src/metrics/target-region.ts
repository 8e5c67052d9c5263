import { DataError, ParameterError } from "../errors.ts";
import type { Grid } from "../image/saliency-map.ts";
import type { MetricContext, TargetRegion } from "./define-metric.ts";

/** The region of the target. @throws ParameterError if the data set has none. */
export function requireRegion(context: MetricContext<unknown>, metric: string): TargetRegion {
  if (context.region !== undefined) return context.region;
  throw new ParameterError(
    `metric: '${metric}' needs to know where the target is, and this data set does not say. Use a data set with annotations: coco, mosaic.`,
  );
}

/** The annotated pixel that shows at pixel `(x, y)` of a map, or `undefined` beyond the photograph's edge. */
export function sourcePixel(
  region: TargetRegion,
  map: { readonly width: number; readonly height: number },
  x: number,
  y: number,
): readonly [u: number, v: number] | undefined {
  const seen = region.placement?.region ?? { left: 0, top: 0, width: region.width, height: region.height };
  const u = Math.floor(seen.left + ((x + 0.5) * seen.width) / map.width);
  const v = Math.floor(seen.top + ((y + 0.5) * seen.height) / map.height);
  return u >= 0 && u < region.width && v >= 0 && v < region.height ? [u, v] : undefined;
}

/** True if a pixel of the photograph is in the region. */
export function isInside(region: TargetRegion, u: number, v: number): boolean {
  return u >= 0 && v >= 0 && u < region.width && v < region.height && region.mask[v * region.width + u] === 1;
}

/** True if some region pixel lies at a squared distance below `tolerance`^2; with tolerance 0, if the pixel itself is in. */
export function isNear(region: TargetRegion, u: number, v: number, tolerance: number): boolean {
  if (tolerance === 0) return isInside(region, u, v);
  const reach = Math.ceil(tolerance);
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      if (dx * dx + dy * dy < tolerance * tolerance && isInside(region, u + dx, v + dy)) return true;
    }
  }
  return false;
}

/** Raster indices of all pixels that hold the map's maximum, in order. */
export function maximalPixels(map: Grid): readonly number[] {
  let max = -Infinity;
  let indices: number[] = [];
  map.values.forEach((value, index) => {
    if (Number.isNaN(value))
      throw new DataError(`saliency map: expected numbers, got NaN at pixel ${index}.`);
    if (value > max) {
      max = value;
      indices = [index];
    } else if (value === max) indices.push(index);
  });
  return indices;
}

/** Share of the positive saliency (0..1) that lies in the region; `null` if nothing is positive. */
export function energyInside(region: TargetRegion, map: Grid): number | null {
  let [inside, total] = [0, 0];
  for (let y = 0; y < map.height; y++) {
    for (let x = 0; x < map.width; x++) {
      const value = Math.max(0, map.values[y * map.width + x] ?? 0);
      if (value === 0) continue;
      total += value;
      const pixel = sourcePixel(region, map, x, y);
      if (pixel !== undefined && isInside(region, ...pixel)) inside += value;
    }
  }
  return total > 0 ? inside / total : null;
}
