import { useLayoutEffect, useRef } from "preact/hooks";
import type { RgbaImage } from "onnx-saliency/web";
import { toImageData } from "../state/display-photo.ts";

/** Pixels as they are. */
export function Picture({ image, label }: { readonly image: RgbaImage; readonly label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    canvas.current?.getContext("2d")?.putImageData(toImageData(image), 0, 0);
  }, [image]);
  return (
    <canvas
      ref={canvas}
      class="input"
      width={image.width}
      height={image.height}
      role="img"
      aria-label={label}
    />
  );
}
