import { contactSheet, mapSlice, shownSlices } from "./contact-sheet.ts";
import { fitForDisplay } from "./display-size.ts";
import type { ExplanationFigureOptions, MapPanel } from "./explanation-figure.ts";
import { type Panel, renderFigure } from "./figure.ts";
import { type OverlayOptions, overlayScale, renderOverlay } from "./overlay.ts";
import type { RgbaImage } from "./rgba-image.ts";

/**
 * The picture that `explain` writes of a volume: a sheet of its slices, then the same sheet under each map. All slices of a map
 * share one colour scale.
 * @param slices the volume, one picture a slice.
 */
export function volumeFigure(
  slices: readonly RgbaImage[],
  maps: readonly MapPanel[],
  options: Omit<ExplanationFigureOptions, "placement" | "photoTitle" | "extras"> = {},
): RgbaImage {
  const { title, subtitle, columns, fontSize, ...overlay } = options;
  const shown = shownSlices(slices.length);
  const cells = shown.flatMap((slice) => {
    const picture = slices[slice];
    return picture === undefined
      ? []
      : [{ slice, image: fitForDisplay(picture, { minSide: 112, maxSide: 192 }) }];
  });
  const count = shown.length === slices.length ? "" : `${shown.length} of `;
  const [first] = slices;
  const panels: Panel[] = [
    {
      image: contactSheet(cells),
      title: "Volume",
      note: `${count}${slices.length} slices of ${first?.width} × ${first?.height}`,
    },
  ];
  for (const { map, title: name, note, isSigned = false, scale } of maps) {
    const settings: OverlayOptions = { ...overlay, isSigned, ...(scale !== undefined && { scale }) };
    const common = overlayScale(map, settings);
    const covered = cells.map(({ slice, image }) => ({
      slice,
      image: renderOverlay(image, mapSlice(map, slice), { ...settings, scale: common }),
    }));
    panels.push({
      image: contactSheet(covered),
      title: name,
      note: note ?? `largest in slice ${largestSlice(map.values, slices.length)}`,
      colorBar: { colorMap: overlay.colorMap ?? (isSigned ? "blue-red" : "turbo"), scale: common },
    });
  }
  return renderFigure(panels, {
    ...(columns !== undefined && { columns }),
    ...(title !== undefined && { title }),
    ...(subtitle !== undefined && { subtitle }),
    ...(fontSize !== undefined && { fontSize }),
  });
}

function largestSlice(values: Float32Array, depth: number): number {
  const largest = values.reduce((best, value, place) => (value > (values[best] ?? 0) ? place : best), 0);
  return Math.floor((largest * depth) / values.length);
}
