import { ParameterError } from "../errors.ts";
import { type ColorMapName, colorTable, tableIndex } from "./color-map.ts";
import { valueRange } from "./min-max.ts";
import type { Placement } from "./placement.ts";
import type { Rgb, RgbaImage } from "./rgba-image.ts";
import type { Grid } from "./saliency-map.ts";

/** The values that the ends of a colour scale stand for. */
export interface ColorScale {
  readonly min: number;
  readonly max: number;
}

export interface OverlayOptions {
  /** Where the map lies in the photograph, in pixels of `placement.width` x `placement.height`. Default the whole photograph. */
  readonly placement?: Placement;
  /** Default `turbo`, `blue-red` for signed maps. */
  readonly colorMap?: ColorMapName;
  /** How much of the colour covers the photograph, 0..1. Default 0.6: the photograph stays readable underneath. */
  readonly opacity?: number;
  /** `uniform` covers all alike; `by-value` is clear at the low end (at 0 for signed maps) and rises to `opacity`. Default `by-value`. */
  readonly alpha?: "uniform" | "by-value";
  /** `auto` (default) spans the map's own range; give numbers for a scale shared between pictures. */
  readonly scale?: ColorScale | "auto";
  /** True puts 0 in the middle of the scale. Default false. */
  readonly isSigned?: boolean;
  /** Values below it (absolute values for signed maps) are left clear; in units of the map. */
  readonly threshold?: number;
}

/** The scale that `auto` stands for: the range of the map, or for signed maps the same distance to both sides of 0. */
export function autoScale(map: Grid, isSigned: boolean): ColorScale {
  const { min, max } = valueRange(map.values.filter((value) => Number.isFinite(value)));
  if (!isSigned) return { min, max };
  const extent = Math.max(Math.abs(min), Math.abs(max));
  return { min: -extent, max: extent };
}

/** The colour scale that an overlay with these options is drawn with; for its colour bar. */
export function overlayScale(map: Grid, options: OverlayOptions): ColorScale {
  const { scale = "auto", isSigned = false } = options;
  return scale === "auto" ? autoScale(map, isSigned) : scale;
}

/** Paper white: what the surroundings of the network's view fade to. */
const surroundings: Rgb = [244, 244, 246];

/**
 * The whole photograph with the map in its place, enlarged bilinearly (half-pixel) to the photograph's resolution. What the
 * network did not see is faded and a thin line marks the border. Pixels where the map is not finite stay clear.
 * @throws {@link ParameterError} for an opacity outside 0..1, and for the map of a volume.
 */
export function renderOverlay(photo: RgbaImage, map: Grid, options: OverlayOptions = {}): RgbaImage {
  const { isSigned = false, opacity = 0.6, alpha = "by-value", threshold = -Infinity } = options;
  if (!(opacity >= 0 && opacity <= 1))
    throw new ParameterError(`opacity: expected a number from 0 to 1, got ${opacity}.`);
  if (map.depth !== undefined)
    throw new ParameterError(
      `map: expected that of an image, got that of a volume of ${map.depth} slices. Draw a slice at a time, with mapSlice.`,
    );
  const { min, max } = overlayScale(map, options);
  const table = colorTable(options.colorMap ?? (isSigned ? "blue-red" : "turbo"));
  const opacities = Float64Array.from({ length: 256 }, (_, entry) => {
    if (!(max > min)) return 0;
    if (alpha === "uniform") return opacity;
    const t = entry / 255;
    return opacity * smoothRise(isSigned ? Math.abs(2 * t - 1) : t);
  });
  const horizontal = samplePositions(photo.width, map.width, options.placement, "horizontal");
  const vertical = samplePositions(photo.height, map.height, options.placement, "vertical");
  const data = new Uint8ClampedArray(photo.data);
  for (let y = 0; y < photo.height; y++) {
    const isRowSeen = vertical.isSeen[y] === 1;
    for (let x = 0; x < photo.width; x++) {
      const offset = (y * photo.width + x) * 4;
      if (!isRowSeen || horizontal.isSeen[x] !== 1) {
        blend(data, offset, surroundings, 0.6);
        continue;
      }
      const value = sample(map, horizontal, vertical, x, y);
      if (!Number.isFinite(value) || (isSigned ? Math.abs(value) : value) < threshold) continue;
      const entry = tableIndex(value, min, max);
      const cover = opacities[entry]!;
      if (cover > 0) tint(data, offset, table, entry, cover);
    }
  }
  drawViewBorder({ width: photo.width, height: photo.height, data }, horizontal.isSeen, vertical.isSeen);
  return { width: photo.width, height: photo.height, data };
}

/** The whole photograph with what the network did not see faded; the panel that stands beside overlays. */
export function renderView(photo: RgbaImage, placement: Placement | undefined): RgbaImage {
  const nothing = { width: 1, height: 1, values: new Float32Array(1) };
  return renderOverlay(photo, nothing, { ...(placement === undefined ? {} : { placement }), opacity: 0 });
}

// Clear for the lowest fifth, so that a map's floor does not tint the photograph; full from two thirds on.
function smoothRise(t: number): number {
  const u = Math.max(0, Math.min(1, (t - 0.15) / 0.5));
  return u * u * (3 - 2 * u);
}

interface SamplePositions {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly fraction: Float64Array;
  readonly isSeen: Uint8Array;
}

function samplePositions(
  photoSize: number,
  mapSize: number,
  placement: Placement | undefined,
  axis: "horizontal" | "vertical",
): SamplePositions {
  const full = axis === "horizontal" ? placement?.width : placement?.height;
  const start = (axis === "horizontal" ? placement?.region.left : placement?.region.top) ?? 0;
  const length = (axis === "horizontal" ? placement?.region.width : placement?.region.height) ?? photoSize;
  const unit = (full ?? photoSize) / photoSize;
  const lower = new Int32Array(photoSize);
  const upper = new Int32Array(photoSize);
  const fraction = new Float64Array(photoSize);
  const isSeen = new Uint8Array(photoSize);
  for (let index = 0; index < photoSize; index++) {
    const position = (((index + 0.5) * unit - start) / length) * mapSize;
    isSeen[index] = position >= 0 && position <= mapSize ? 1 : 0;
    const clamped = Math.max(0, Math.min(mapSize - 1, position - 0.5));
    lower[index] = Math.floor(clamped);
    upper[index] = Math.min(lower[index]! + 1, mapSize - 1);
    fraction[index] = clamped - lower[index]!;
  }
  return { lower, upper, fraction, isSeen };
}

function sample(
  map: Grid,
  horizontal: SamplePositions,
  vertical: SamplePositions,
  x: number,
  y: number,
): number {
  const left = horizontal.lower[x]!;
  const right = horizontal.upper[x]!;
  const along = horizontal.fraction[x]!;
  const upperRow = vertical.lower[y]! * map.width;
  const lowerRow = vertical.upper[y]! * map.width;
  const above = map.values[upperRow + left]! * (1 - along) + map.values[upperRow + right]! * along;
  const below = map.values[lowerRow + left]! * (1 - along) + map.values[lowerRow + right]! * along;
  return above + (below - above) * vertical.fraction[y]!;
}

function blend(data: Uint8ClampedArray, offset: number, [red, green, blue]: Rgb, opacity: number): void {
  data[offset]! += (red - data[offset]!) * opacity;
  data[offset + 1]! += (green - data[offset + 1]!) * opacity;
  data[offset + 2]! += (blue - data[offset + 2]!) * opacity;
}

// Strong photograph colours would mix with the map's and falsify them, so they give way to grey where the map is dense.
function tint(
  data: Uint8ClampedArray,
  offset: number,
  table: Uint8ClampedArray,
  entry: number,
  opacity: number,
): void {
  const gray = (0.299 * data[offset]! + 0.587 * data[offset + 1]! + 0.114 * data[offset + 2]!) * opacity;
  for (let channel = 0; channel < 3; channel++) {
    const under = data[offset + channel]! * (1 - opacity) + gray;
    data[offset + channel] = under + (table[entry * 3 + channel]! - under) * opacity;
  }
}

/** A line just outside the seen part, on the sides where something lies outside. */
function drawViewBorder(image: RgbaImage, seenColumns: Uint8Array, seenRows: Uint8Array): void {
  const left = seenColumns.indexOf(1);
  const right = seenColumns.lastIndexOf(1);
  const top = seenRows.indexOf(1);
  const bottom = seenRows.lastIndexOf(1);
  const thickness = Math.max(1, Math.round(Math.max(image.width, image.height) / 400));
  const line: Rgb = [70, 74, 82];
  for (let y = Math.max(0, top - thickness); y <= Math.min(image.height - 1, bottom + thickness); y++) {
    for (let x = Math.max(0, left - thickness); x <= Math.min(image.width - 1, right + thickness); x++) {
      const isInside = x >= left && x <= right && y >= top && y <= bottom;
      if (!isInside) blend(image.data, (y * image.width + x) * 4, line, 0.85);
    }
  }
}
