import type { Program } from "../../runtime/model.ts";
import { tensor, type AnyTensor, type Tensor } from "../../tensor/tensor.ts";

/** Segments a program is made for are rounded up to this, so that few graphs serve all images. */
const segmentStep = 64;

/** How many columns the feed `shown` has for a number of segments. */
export function paddedSegments(segmentCount: number): number {
  return Math.ceil(segmentCount / segmentStep) * segmentStep;
}

/**
 * The program of a network that sees the input `foreground` where a segment is shown and `background` where not
 * (`[1, C, H, W]` each, shared). Feeds besides: `shown` `[batch, padded]`, 1 or 0 a segment, and `labels` (shared,
 * int32 `[H W]`), the segment of each pixel.
 */
export function segmentProgram(
  { channels, height, width }: { readonly channels: number; readonly height: number; readonly width: number },
  segmentCount: number,
): Program {
  const padded = paddedSegments(segmentCount);
  return {
    key: `segments:${channels}x${height}x${width}:${padded}`,
    prologue(g) {
      const shown = g.input("shown", ["batch", padded]);
      const labels = g.input("labels", [height * width], "int32");
      const foreground = g.input("foreground", [1, channels, height, width]);
      const background = g.input("background", [1, channels, height, width]);
      const mask = g.reshape(g.node("Gather", [shown, labels], { axis: 1 }), ["batch", 1, height, width]);
      return g.add(background, g.mul(mask, g.sub(foreground, background)));
    },
    outputs: [],
  };
}

/** The feed `labels`. */
export function labelsFeed(labels: Int32Array): AnyTensor {
  return { type: "int32", dims: [labels.length], data: labels };
}

/** The feed `shown` from `count x segmentCount` zeros and ones. */
export function shownFeed(shown: Uint8Array, segmentCount: number): Tensor {
  const padded = paddedSegments(segmentCount);
  const count = shown.length / segmentCount;
  const data = new Float32Array(count * padded);
  for (let sample = 0; sample < count; sample++) {
    data.set(shown.subarray(sample * segmentCount, (sample + 1) * segmentCount), sample * padded);
  }
  return tensor(data, [count, padded]);
}
