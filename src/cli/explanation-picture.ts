import { explanationFigure, type MapPanel } from "../image/explanation-figure.ts";
import type { ColorMapName } from "../image/color-map.ts";
import { drawingToImage } from "../image/drawing.ts";
import { lineChart } from "../image/line-chart.ts";
import { percentile } from "../image/min-max.ts";
import type { ColorScale } from "../image/overlay.ts";
import type { RgbaImage } from "../image/rgba-image.ts";
import type { SaliencyMap } from "../image/saliency-map.ts";
import type { Explanation } from "../methods/explain.ts";
import type { Method } from "../methods/define-method.ts";
import type { LoadedImage } from "../node.ts";
import { volumeFigure } from "../image/volume-figure.ts";
import { curveCharts, type MapEvaluation } from "./map-evaluation.ts";

/** A map with the method that made it. */
export interface MethodExplanation extends Explanation {
  readonly method: Pick<Method, "title" | "family">;
  /** Where it was asked for: its curves stand beside the map. */
  readonly evaluation?: MapEvaluation;
}

/** How the maps are coloured; what is left out has the figure's default. */
export interface PictureStyle {
  readonly colorMap?: ColorMapName;
  readonly opacity?: number;
}

/** What is drawn of an image. */
type ShownImage = Pick<LoadedImage, "photograph" | "placement" | "slices" | "isArray"> &
  Partial<Pick<LoadedImage, "input">>;

/** The scale up to the 99th percentile of magnitudes; `auto` for a map without spread. */
function percentileScale({ values, isSigned }: SaliencyMap): ColorScale | "auto" {
  const magnitudes = values.filter((value) => Number.isFinite(value)).map(Math.abs);
  const max = magnitudes.length === 0 ? 0 : percentile(magnitudes, 99);
  return max > 0 ? { min: isSigned === true ? -max : 0, max } : "auto";
}

/** The photograph (of a volume a sheet of slices), then it under the map of each method, with captions and colour bars; the class stands on top. */
export function drawExplanations(
  { photograph, placement, slices, isArray, input }: ShownImage,
  explanations: readonly MethodExplanation[],
  style: PictureStyle = {},
): RgbaImage {
  const panels = explanations.map(({ map, record, method }): MapPanel => ({
    map,
    title: method.title,
    isSigned: map.isSigned === true,
    // A few extreme pixels would leave the rest of a pixel attribution without colour.
    ...(method.family === "gradient" && { scale: percentileScale(map) }),
    ...(record.degenerate === undefined ? {} : { note: record.degenerate.message }),
  }));
  const [first] = explanations;
  const { target, score } = first?.record ?? {};
  const name = ({ label, index }: { readonly label?: string; readonly index: number }): string =>
    label ?? `class ${index}`;
  const title =
    target === undefined
      ? ""
      : `${name(target)}${target.minus === undefined ? "" : ` against ${name(target.minus)}`}`;
  const isDifference = target?.minus !== undefined;
  const subtitle =
    score === undefined
      ? ""
      : `${isDifference ? "difference of probabilities" : "probability"} ${score.probability.toFixed(3)}, ${isDifference ? "of logits" : "logit"} ${score.logit.toFixed(2)}`;
  const measured = explanations.flatMap(({ method, evaluation }) =>
    evaluation === undefined ? [] : [{ title: method.title, evaluation }],
  );
  if (slices !== undefined) return volumeFigure(slices, panels, { title, subtitle, ...style });
  const extras = curveCharts(measured, isDifference).map(
    (chart) => (size: { readonly width: number; readonly height: number }) =>
      drawingToImage(lineChart({ ...chart, ...size })),
  );
  const words =
    isArray === true ? { photoTitle: "Input", photoNote: input?.dims.slice(1).join(" × ") ?? "" } : {};
  return explanationFigure(photograph, panels, { placement, title, subtitle, extras, ...words, ...style });
}
