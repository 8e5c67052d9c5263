import { renderOverlay } from "../image/overlay.ts";
import type { RgbaImage } from "../image/rgba-image.ts";
import type { Explanation } from "../methods/explain.ts";
import type { LoadedImage } from "../node.ts";

/** The photograph with the map over it; several maps side by side, each with a caption and a colour bar. */
export function drawExplanations(image: LoadedImage, explanations: readonly Explanation[]): RgbaImage {
  const [first] = explanations;
  if (first === undefined) return image.photograph;
  return renderOverlay(image.photograph, first.map, {
    placement: image.placement,
    isSigned: first.map.isSigned === true,
  });
}
