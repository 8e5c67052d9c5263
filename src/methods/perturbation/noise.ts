import { assertNever } from "../../errors.ts";
import { resample, type MaskResampling } from "../../runtime/mask-resampling.ts";
import { fillNormals } from "../../random/normal-fill.ts";
import type { RandomStream } from "../../random/random-stream.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Mask } from "./mask.ts";

/**
 * Noise added to the composites of a path.
 * - `gaussian`: N(0, sigma^2), all channels; what I-GOS means to do, sigma 0.2.
 * - `inverse-spread`: sigma = spread / (max X - min X) of the current composite X in input space, all channels, about 0.05;
 *   what the SIGCAM authors' code does, spread 0.25.
 * - `igos-release`: sigma 0.4 on the first channel only, what the published I-GOS code does by accident.
 * - `none`.
 */
export const noiseKinds = ["none", "gaussian", "inverse-spread", "igos-release"] as const;
export type NoiseKind = (typeof noiseKinds)[number];

export interface NoiseSettings {
  readonly kind: NoiseKind;
  /** For `gaussian`, in input space. */
  readonly sigma: number;
  /** For `inverse-spread`. */
  readonly spread: number;
}

/** How strong the noise of one composite is, and in how many of its channels. */
export interface NoiseLevel {
  readonly sigma: number;
  readonly channels: number | "all";
}

const releaseSigma = 0.4;

/** The noise level at a mask; `undefined` where there is none. */
export function noiseLevel(
  settings: NoiseSettings,
  composite: {
    readonly foreground: Tensor;
    readonly background: Tensor;
    readonly mask: Mask;
    readonly resampling: MaskResampling;
  },
): NoiseLevel | undefined {
  switch (settings.kind) {
    case "none":
      return undefined;
    case "gaussian":
      return settings.sigma === 0 ? undefined : { sigma: settings.sigma, channels: "all" };
    case "inverse-spread": {
      const weights = resample(composite.resampling, composite.mask.values);
      const range = compositeRange(composite.foreground, composite.background, weights);
      // A composite of one value has no scale to take noise from.
      return range === 0 || settings.spread === 0
        ? undefined
        : { sigma: settings.spread / range, channels: "all" };
    }
    case "igos-release":
      return { sigma: releaseSigma, channels: 1 };
    default:
      return assertNever(settings.kind);
  }
}

/** Draws the noise of one sample `[C, H, W]` into `target`. The stream is the sample's own, so batches do not matter. */
export function drawNoise(
  target: Float32Array,
  level: NoiseLevel,
  channelCount: number,
  stream: RandomStream,
): void {
  const noisy = level.channels === "all" ? channelCount : level.channels;
  fillNormals(target.subarray(0, (target.length / channelCount) * noisy), stream, level.sigma);
}

function compositeRange(foreground: Tensor, background: Tensor, weights: Float64Array): number {
  let low = Infinity;
  let high = -Infinity;
  for (let index = 0; index < foreground.data.length; index++) {
    const base = background.data[index]!;
    const value = base + weights[index % weights.length]! * (foreground.data[index]! - base);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return high - low;
}
