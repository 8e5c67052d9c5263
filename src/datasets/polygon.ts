import type { RunLengths } from "./rle.ts";

/** Edges are walked on a grid this many times finer than the pixels. */
const scale = 5;

/**
 * The run lengths of a polygon, to the pixel those of COCO's own rasteriser: the outline is walked
 * on a grid five times as fine, and a pixel column changes where the outline crosses its middle.
 *
 * @param points Flat list x0, y0, x1, y1, ... in pixels; closed by itself.
 */
export function polygonRuns(points: readonly number[], height: number, width: number): RunLengths {
  const outline = walkOutline(points);
  const crossings: number[] = [];
  for (let index = 1; index < outline.length; index++) {
    const [u = 0, v = 0] = outline[index] ?? [];
    const [previousU = 0, previousV = 0] = outline[index - 1] ?? [];
    if (u === previousU) continue;
    const column = ((u < previousU ? u : u - 1) + 0.5) / scale - 0.5;
    if (!Number.isInteger(column) || column < 0 || column > width - 1) continue;
    const row = (Math.min(v, previousV) + 0.5) / scale - 0.5;
    crossings.push(column * height + Math.ceil(Math.min(Math.max(row, 0), height)));
  }
  crossings.sort((a, b) => a - b);
  crossings.push(height * width);
  return { counts: mergeEmptyRuns(crossings), height, width };
}

/** The outline as points of the fine grid, in order. */
function walkOutline(points: readonly number[]): readonly (readonly [number, number])[] {
  const count = Math.floor(points.length / 2);
  const corner = (index: number): readonly [number, number] => [
    Math.trunc(scale * (points[2 * (index % count)] ?? 0) + 0.5),
    Math.trunc(scale * (points[2 * (index % count) + 1] ?? 0) + 0.5),
  ];
  const outline: (readonly [number, number])[] = [];
  for (let index = 0; index < count; index++) walkEdge(corner(index), corner(index + 1), outline);
  return outline;
}

function walkEdge(
  from: readonly [number, number],
  to: readonly [number, number],
  outline: (readonly [number, number])[],
): void {
  const [dx, dy] = [Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
  const isFlat = dx >= dy;
  const isFlipped = isFlat ? from[0] > to[0] : from[1] > to[1];
  const [start, end] = isFlipped ? [to, from] : [from, to];
  const length = isFlat ? dx : dy;
  // Both ends may be the same point: then there is one step, and the slope does not matter.
  const slope = length === 0 ? 0 : (isFlat ? end[1] - start[1] : end[0] - start[0]) / length;
  for (let step = 0; step <= length; step++) {
    const t = isFlipped ? length - step : step;
    outline.push(
      isFlat
        ? [t + start[0], Math.trunc(start[1] + slope * t + 0.5)]
        : [Math.trunc(start[0] + slope * t + 0.5), t + start[1]],
    );
  }
}

/** Positions at which the mask toggles, as run lengths; two toggles at one place cancel. */
function mergeEmptyRuns(positions: readonly number[]): readonly number[] {
  const counts: number[] = [];
  let previous = 0;
  let isJoining = false;
  positions.forEach((position, index) => {
    const run = position - previous;
    previous = position;
    if (isJoining) {
      counts[counts.length - 1] = (counts[counts.length - 1] ?? 0) + run;
      isJoining = false;
    } else if (run > 0 || index === 0) counts.push(run);
    // An empty run joins its neighbours.
    else isJoining = true;
  });
  return counts;
}
