import type { Rectangle } from "./rectangle.ts";

/** Which rectangle of the photograph the network saw; puts maps back in their place. */
export interface Placement {
  /** In photograph pixels. Smaller than the photograph after `crop`, larger after `letterbox` (the rest was padding). */
  readonly region: Rectangle;
  /** Size of the photograph, in pixels. */
  readonly width: number;
  readonly height: number;
}

/** How a photograph of any shape becomes an input of fixed shape. */
export type ResizeMode = "stretch" | "crop" | "letterbox";

/** What {@link place} decides along one axis: the photograph is scaled to `size`, then input pixel `i` is scaled pixel `i + offset`. */
export interface ScaledAxis {
  readonly size: number;
  /** Negative where the input starts with padding. */
  readonly offset: number;
}

/**
 * The geometry of {@link ResizeMode}:
 * - `stretch`: both sides to the input's, the aspect ratio is lost.
 * - `crop`: as networks are evaluated: scaled so that the photograph just covers the input divided by `cropFraction`
 *   (256 for 224 and 0.875), the longer side truncated to whole pixels, then the centre cut out (offset rounded half to
 *   even) as torchvision and timm do.
 * - `letterbox`: scaled to fit inside, centred between padding.
 */
export function place(
  photo: { readonly width: number; readonly height: number },
  input: { readonly width: number; readonly height: number },
  mode: ResizeMode,
  cropFraction: number,
): { readonly horizontal: ScaledAxis; readonly vertical: ScaledAxis; readonly placement: Placement } {
  const { width, height } = scaledSize(photo, input, mode, cropFraction);
  const horizontal = { size: width, offset: roundHalfToEven((width - input.width) / 2) };
  const vertical = { size: height, offset: roundHalfToEven((height - input.height) / 2) };
  const scaleX = photo.width / width;
  const scaleY = photo.height / height;
  const region = {
    left: horizontal.offset * scaleX,
    top: vertical.offset * scaleY,
    width: input.width * scaleX,
    height: input.height * scaleY,
  };
  return { horizontal, vertical, placement: { region, width: photo.width, height: photo.height } };
}

function scaledSize(
  photo: { readonly width: number; readonly height: number },
  input: { readonly width: number; readonly height: number },
  mode: ResizeMode,
  cropFraction: number,
): { width: number; height: number } {
  if (mode === "stretch") return { width: input.width, height: input.height };
  // Floor for a crop, as timm's int(size / fraction); a hair of tolerance so that 0.1 + 0.2 does not lose a pixel.
  const cover = (size: number): number => Math.floor(size / cropFraction + 1e-9);
  const boxWidth = mode === "crop" ? cover(input.width) : input.width;
  const boxHeight = mode === "crop" ? cover(input.height) : input.height;
  const isWide = photo.width * boxHeight > photo.height * boxWidth;
  const isHeightExact = mode === "crop" ? isWide : !isWide;
  const round = mode === "crop" ? Math.floor : Math.round;
  return isHeightExact
    ? { width: Math.max(1, round((photo.width * boxHeight) / photo.height)), height: boxHeight }
    : { width: boxWidth, height: Math.max(1, round((photo.height * boxWidth) / photo.width)) };
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
