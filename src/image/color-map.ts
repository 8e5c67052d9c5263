import { assertNever } from "../errors.ts";
import { blueRed, inferno, turbo, viridis } from "./color-map-tables.ts";
import type { RgbaImage } from "./rgba-image.ts";
import type { Grid } from "./saliency-map.ts";

/** Colour scales from low to high. `blue-red` is diverging (white in the middle) and meant for signed maps; `jet` is for comparison with papers. */
export type ColorMapName = "turbo" | "viridis" | "inferno" | "jet" | "blue-red" | "gray";

/** All colour scales, for schemas and forms. */
export const colorMapNames = ["turbo", "viridis", "inferno", "jet", "blue-red", "gray"] as const;

/** 256 colours, red green blue, low values first: 768 bytes. */
export function colorTable(name: ColorMapName): Uint8ClampedArray {
  switch (name) {
    case "turbo":
      return fromHex(turbo);
    case "viridis":
      return fromHex(viridis);
    case "inferno":
      return fromHex(inferno);
    case "blue-red":
      return fromHex(blueRed);
    case "jet":
      return fromFormula((t, channel) => 1.5 - Math.abs(4 * t - (3 - channel)));
    case "gray":
      return fromFormula((t) => t);
    default:
      return assertNever(name);
  }
}

/** The entry of a table for a value: `min` and below gives 0, `max` and above gives 255. A range of nothing gives 0. */
export function tableIndex(value: number, min: number, max: number): number {
  if (!(max > min)) return 0;
  return Math.max(0, Math.min(255, Math.round(((value - min) / (max - min)) * 255)));
}

/** The map as an opaque picture of its own size. Values that are not finite become the lowest colour. */
export function applyColorMap(
  map: Grid,
  name: ColorMapName,
  scale: { readonly min: number; readonly max: number },
): RgbaImage {
  const table = colorTable(name);
  const data = new Uint8ClampedArray(map.values.length * 4);
  for (let pixel = 0; pixel < map.values.length; pixel++) {
    const value = map.values[pixel]!;
    const entry = Number.isNaN(value) ? 0 : tableIndex(value, scale.min, scale.max);
    data.set(table.subarray(entry * 3, entry * 3 + 3), pixel * 4);
    data[pixel * 4 + 3] = 255;
  }
  return { width: map.width, height: map.height, data };
}

function fromHex(text: string): Uint8ClampedArray {
  return Uint8ClampedArray.from({ length: 768 }, (_, index) =>
    Number.parseInt(text.slice(index * 2, index * 2 + 2), 16),
  );
}

function fromFormula(value: (t: number, channel: number) => number): Uint8ClampedArray {
  return Uint8ClampedArray.from(
    { length: 768 },
    (_, index) => 255 * value(Math.floor(index / 3) / 255, index % 3),
  );
}
