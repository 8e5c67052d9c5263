/** A segment that was picked: its index, and the mean attribution of the pixels that it newly covered. */
export interface Pick {
  readonly segment: number;
  readonly gain: number;
  /** How many pixels it newly covered. */
  readonly count: number;
}

/** Ranked regions of an image. */
export interface RankedRegions {
  /** The gain at which each pixel was covered; of pixels never covered their mean attribution. */
  readonly values: Float32Array;
  /** In the order of picking. */
  readonly picks: readonly Pick[];
}

/** What {@link rankRegions} needs. */
export interface RankRequest {
  /** One value a pixel. */
  readonly attribution: Float32Array | Float64Array;
  /** Pixel indices of each segment; segments may overlap. */
  readonly segments: readonly Int32Array[];
  /** `full` looks for the best segment again after each pick, `fast` sweeps once over an order by whole-segment means. */
  readonly mode: "full" | "fast";
  /** Segments with fewer uncovered pixels are dropped. */
  readonly minPixelDiff: number;
  /** Share of the image that is enough; 1 never stops early. */
  readonly areaThreshold: number;
}

/**
 * XRAI's greedy ranking: the segment with the largest mean attribution over its uncovered part comes first;
 * ties go to the lower index. Each pixel is processed once: when it is covered, it is taken from the sums of all segments
 * that hold it.
 */
export function rankRegions(request: RankRequest): RankedRegions {
  const { attribution, segments, minPixelDiff, areaThreshold } = request;
  const pixelCount = attribution.length;
  const holders = segmentsByPixel(segments, pixelCount);
  const counts = Int32Array.from(segments, (pixels) => pixels.length);
  const sums = Float64Array.from(segments, (pixels) =>
    pixels.reduce((sum, pixel) => sum + attribution[pixel]!, 0),
  );
  const isCovered = new Uint8Array(pixelCount);
  const values = new Float32Array(pixelCount);
  const picks: Pick[] = [];
  let covered = 0;

  const next =
    request.mode === "full" ? bestRemaining(counts, sums, minPixelDiff) : inOrder(counts, sums, minPixelDiff);
  for (let segment = next(); segment !== undefined; segment = next()) {
    const count = counts[segment]!;
    const gain = sums[segment]! / count;
    for (const pixel of segments[segment]!) {
      if (isCovered[pixel] === 1) continue;
      isCovered[pixel] = 1;
      values[pixel] = gain;
      for (let index = holders.starts[pixel]!; index < holders.starts[pixel + 1]!; index++) {
        const holder = holders.segments[index]!;
        counts[holder]! -= 1;
        sums[holder]! -= attribution[pixel]!;
      }
    }
    covered += count;
    picks.push({ segment, gain, count });
    if (covered / pixelCount > areaThreshold) break;
  }
  fillUncovered(values, isCovered, attribution);
  return { values, picks };
}

function bestRemaining(
  counts: Int32Array,
  sums: Float64Array,
  minPixelDiff: number,
): () => number | undefined {
  let remaining = Array.from(counts, (_, index) => index);
  return () => {
    remaining = remaining.filter((segment) => counts[segment]! >= Math.max(minPixelDiff, 1));
    let best: number | undefined;
    for (const segment of remaining) {
      if (best === undefined || sums[segment]! / counts[segment]! > sums[best]! / counts[best]!)
        best = segment;
    }
    return best;
  };
}

function inOrder(counts: Int32Array, sums: Float64Array, minPixelDiff: number): () => number | undefined {
  const means = Float64Array.from(sums, (sum, segment) => sum / Math.max(counts[segment]!, 1));
  const order = Array.from(means, (_, index) => index).sort((a, b) => means[b]! - means[a]!);
  return () => {
    for (let segment = order.shift(); segment !== undefined; segment = order.shift()) {
      if (counts[segment]! >= Math.max(minPixelDiff, 1)) return segment;
    }
    return undefined;
  };
}

/** For each pixel the segments that hold it: entries `starts[p] .. starts[p + 1] - 1`. */
function segmentsByPixel(
  segments: readonly Int32Array[],
  pixelCount: number,
): { readonly starts: Int32Array; readonly segments: Int32Array } {
  const starts = new Int32Array(pixelCount + 1);
  for (const pixels of segments) for (const pixel of pixels) starts[pixel + 1]! += 1;
  for (let pixel = 0; pixel < pixelCount; pixel++) starts[pixel + 1]! += starts[pixel]!;
  const list = new Int32Array(starts[pixelCount]!);
  const free = starts.slice();
  segments.forEach((pixels, segment) => {
    for (const pixel of pixels) list[free[pixel]!++] = segment;
  });
  return { starts, segments: list };
}

function fillUncovered(
  values: Float32Array,
  isCovered: Uint8Array,
  attribution: Float32Array | Float64Array,
): void {
  let count = 0;
  let sum = 0;
  for (let pixel = 0; pixel < values.length; pixel++) {
    if (isCovered[pixel] === 1) continue;
    count++;
    sum += attribution[pixel]!;
  }
  if (count === 0) return;
  for (let pixel = 0; pixel < values.length; pixel++) if (isCovered[pixel] === 0) values[pixel] = sum / count;
}
