import { useLayoutEffect, useRef } from "preact/hooks";
import { overlay, type Placement, type RgbaImage, type SaliencyMap } from "onnx-saliency/web";
import { toImageData } from "../state/display-photo.ts";
import { colorMapOf, opacity, scaleFor, threshold } from "../state/settings.ts";
import { shownMaps } from "../state/studio.ts";

interface OverlayCanvasProps {
  readonly photo: RgbaImage;
  readonly placement: Placement;
  readonly map: SaliencyMap | undefined;
  /** What the picture shows, for those who cannot see it. */
  readonly label: string;
}

/** A photograph under a map, drawn as the settings say. */
export function OverlayCanvas({ photo, placement, map, label }: OverlayCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scale = map === undefined ? undefined : scaleFor(map, shownMaps.value);
  const colors = map === undefined ? undefined : colorMapOf(map);
  const cover = opacity.value;
  const least = threshold.value * (scale?.max ?? 0);
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context === null || context === undefined) return;
    const nothing: SaliencyMap = { width: 1, height: 1, values: new Float32Array(1) };
    const picture = overlay(photo, map ?? nothing, {
      placement,
      opacity: map === undefined ? 0 : cover,
      isSigned: map?.isSigned === true,
      ...(scale === undefined ? {} : { scale }),
      ...(colors === undefined ? {} : { colorMap: colors }),
      ...(least > 0 ? { threshold: least } : {}),
    });
    context.putImageData(toImageData(picture), 0, 0);
  }, [photo, placement, map, cover, colors, least, scale?.min, scale?.max]);
  return <canvas ref={canvas} width={photo.width} height={photo.height} role="img" aria-label={label} />;
}
