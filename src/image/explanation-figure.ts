import { fitForDisplay } from "./display-size.ts";
import { type FigureOptions, type Panel, renderFigure } from "./figure.ts";
import { type OverlayOptions, overlayScale, renderOverlay, renderView } from "./overlay.ts";
import type { Placement } from "./placement.ts";
import type { RgbaImage } from "./rgba-image.ts";
import type { Grid } from "./saliency-map.ts";

/** One map of a figure with its words. */
export interface MapPanel {
  readonly map: Grid;
  /** What made it: the method's title. */
  readonly title: string;
  /** What else to know: the class and its score, or why the map is empty. */
  readonly note?: string;
  /** True puts 0 in the middle of a diverging scale. Default false. */
  readonly isSigned?: boolean;
  /** The colour scale of this map, where it is not the figure's. */
  readonly scale?: OverlayOptions["scale"];
}

export interface ExplanationFigureOptions
  extends FigureOptions, Pick<OverlayOptions, "colorMap" | "opacity" | "alpha" | "scale" | "threshold"> {
  /** Where the maps lie in the photograph; from `preprocess`. Default the whole photograph. */
  readonly placement?: Placement;
  /** Title of the photograph's own panel, which stands first; `false` leaves the panel out. Default "Photograph". */
  readonly photoTitle?: string | false;
  /** What stands below that title. Default the photograph's size. */
  readonly photoNote?: string;
  /** Further pictures after the maps, such as charts; each is made at the size it is shown at. */
  readonly extras?: readonly ((size: { readonly width: number; readonly height: number }) => RgbaImage)[];
}

/** The whole figure may be this wide, in pixels. */
const maxFigureWidth = 3600;

/**
 * The picture that `explain` writes: the photograph, then it under each map, with captions and colour bars. The photograph keeps its own
 * resolution between 288 and 1600 pixels (fewer where many panels stand side by side).
 */
export function explanationFigure(
  photo: RgbaImage,
  maps: readonly MapPanel[],
  options: ExplanationFigureOptions = {},
): RgbaImage {
  const {
    placement,
    photoTitle = "Photograph",
    photoNote = `${photo.width} × ${photo.height}`,
    title,
    subtitle,
    columns,
    fontSize,
    extras = [],
    ...overlay
  } = options;
  const panelCount = maps.length + extras.length + (photoTitle === false ? 0 : 1);
  const columnCount = columns ?? (panelCount <= 4 ? panelCount : Math.ceil(Math.sqrt(panelCount)));
  const maxSide = Math.min(1600, Math.floor(maxFigureWidth / Math.max(1, columnCount)));
  const shown = fitForDisplay(photo, { maxSide });
  const panels: Panel[] =
    photoTitle === false
      ? []
      : [
          {
            image: renderView(shown, placement),
            title: photoTitle,
            note: photoNote,
          },
        ];
  for (const { map, title, note, isSigned = false, scale } of maps) {
    const settings: OverlayOptions = {
      ...overlay,
      isSigned,
      ...(scale === undefined ? {} : { scale }),
      ...(placement === undefined ? {} : { placement }),
    };
    panels.push({
      image: renderOverlay(shown, map, settings),
      title,
      ...(note === undefined ? {} : { note }),
      colorBar: {
        colorMap: overlay.colorMap ?? (isSigned ? "blue-red" : "turbo"),
        scale: overlayScale(map, settings),
      },
    });
  }
  // As high as the photograph, but never too narrow or too flat to read.
  const size = { width: Math.max(320, shown.width), height: Math.max(240, shown.height) };
  for (const extra of extras) panels.push({ image: extra(size) });
  return renderFigure(panels, {
    columns: columnCount,
    ...(title === undefined ? {} : { title }),
    ...(subtitle === undefined ? {} : { subtitle }),
    ...(fontSize === undefined ? {} : { fontSize }),
  });
}
