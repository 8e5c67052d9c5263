import { signal } from "@preact/signals";
import {
  type ColorMapName,
  type ColorScale,
  describeParams,
  findMethod,
  type SaliencyMap,
} from "onnx-saliency/web";

/** How maps are drawn; the same for all of them. */
export const opacity = signal(0.65);
/** `auto`: turbo, or blue-red where the map is signed. */
export const colorMap = signal<ColorMapName | "auto">("auto");
/** Share of the map's maximum below which nothing is drawn. */
export const threshold = signal(0);
/** True shows activation maps with what speaks against the class, at the layer's own resolution. */
export const isSignedWanted = signal(false);
/** `relative`: each map from 0 to its own top value. `raw`: one scale of values for all maps shown. */
export const scaleMode = signal<"relative" | "raw">("relative");
/** Parameters that differ from the defaults, by method. */
export const params = signal<Readonly<Record<string, Readonly<Record<string, unknown>>>>>({});
/** Layer of the activation methods; `undefined` for the model's default. */
export const layer = signal<string | undefined>(undefined);

const withLayer = new Map<string, boolean>();

/** Whether a method works at a layer. */
export function takesLayer(method: string): boolean {
  if (!withLayer.has(method)) {
    withLayer.set(
      method,
      describeParams(findMethod(method)).some(({ name }) => name === "layer"),
    );
  }
  return withLayer.get(method) === true;
}

/** The parameters that a method is run with, besides defaults. */
export function paramsOf(method: string): Readonly<Record<string, unknown>> {
  const given = params.value[method] ?? {};
  const chosen = layer.value;
  return chosen !== undefined && takesLayer(method) && given["layer"] === undefined
    ? { ...given, layer: chosen }
    : given;
}

const signedMaps = new WeakMap<SaliencyMap, SaliencyMap>();

/** The map as it is to be shown: signed, if that is wanted and there is a signed map behind it. */
export function displayed(map: SaliencyMap): SaliencyMap {
  const { native } = map;
  if (!isSignedWanted.value || map.isSigned === true || native === undefined) return map;
  if (!native.values.some((value) => value < 0)) return map;
  const known = signedMaps.get(map) ?? { ...native, isSigned: true };
  signedMaps.set(map, known);
  return known;
}

const topShare = 0.005;
const topValues = new WeakMap<SaliencyMap, number>();

/**
 * The size (absolute value) that half a percent of the pixels exceed: the top of the colour scale. Maps of single pixels
 * have a few outliers, and scaled to the largest of them all else would be pale.
 */
export function topValue(map: SaliencyMap): number {
  const known = topValues.get(map);
  if (known !== undefined) return known;
  const sizes = map.values.map((value) => (Number.isFinite(value) ? Math.abs(value) : 0)).sort();
  const top = sizes[Math.min(sizes.length - 1, Math.floor((1 - topShare) * sizes.length))] ?? 0;
  // A map of a few bright pixels on nothing.
  const result = top > 0 ? top : (sizes.at(-1) ?? 0);
  topValues.set(map, result);
  return result;
}

/** The scale that a map is drawn with. @param all The maps shown beside it. */
export function scaleFor(map: SaliencyMap, all: readonly SaliencyMap[]): ColorScale {
  const max = scaleMode.value === "raw" ? Math.max(...all.map(topValue), 0) : topValue(map);
  return { min: map.isSigned === true ? -max : 0, max };
}

export function colorMapOf(map: SaliencyMap): ColorMapName {
  return colorMap.value === "auto" ? (map.isSigned === true ? "blue-red" : "turbo") : colorMap.value;
}
