import { explanationFigure, type MapPanel } from "../image/explanation-figure.ts";
import type { ColorMapName } from "../image/color-map.ts";
import { percentile } from "../image/min-max.ts";
import type { ColorScale } from "../image/overlay.ts";
import type { RgbaImage } from "../image/rgba-image.ts";
import type { SaliencyMap } from "../image/saliency-map.ts";
import type { Explanation } from "../methods/explain.ts";
import type { Method } from "../methods/define-method.ts";
import type { LoadedImage } from "../node.ts";

/** A map with the method that made it. */
export interface MethodExplanation extends Explanation {
  readonly method: Pick<Method, "title" | "family">;
}

/** How the maps are coloured; what is left out has the figure's default. */
export interface PictureStyle {
  readonly colorMap?: ColorMapName;
  readonly opacity?: number;
}

/** The scale up to the 99th percentile of magnitudes; `auto` for a map without spread. */
function percentileScale({ values, isSigned }: SaliencyMap): ColorScale | "auto" {
  const magnitudes = values.filter((value) => Number.isFinite(value)).map(Math.abs);
  const max = magnitudes.length === 0 ? 0 : percentile(magnitudes, 99);
  return max > 0 ? { min: isSigned === true ? -max : 0, max } : "auto";
}

/** The photograph, then it under the map of each method, with captions and colour bars; the class stands on top. */
export function drawExplanations(
  { photograph, placement }: Pick<LoadedImage, "photograph" | "placement">,
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
  return explanationFigure(photograph, panels, { placement, title, subtitle, ...style });
}
