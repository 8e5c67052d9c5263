import type { Tensor } from "../tensor/tensor.ts";
import type { Extent } from "./extent.ts";

/** Why a map is empty or not to be trusted; shown to the user as it is. */
export interface DegenerateReason {
  readonly code:
    | "constant"
    | "all-weights-negative"
    | "all-negative"
    | "saturated-score"
    | "dead-layer"
    | "layer-of-1x1"
    | "non-finite"
    | "zero-gradient"
    | "score-near-zero";
  /** One sentence: what was found, and what to do. */
  readonly message: string;
}

/** A rectangle of numbers, row-major; with a `depth` a stack of such rectangles, one slice after the other. */
export interface Grid extends Extent {
  readonly values: Float32Array;
}

/**
 * What a method returns: one raw value a pixel (of a volume: a voxel) of the network's input, larger = more important for the target.
 * Never normalised or clipped; colour scales are the viewer's business.
 */
export interface SaliencyMap extends Grid {
  /** Per-channel attribution `[C, H, W]` (of a volume `[C, D, H, W]`) where the method has one. */
  readonly attribution?: Tensor;
  /** The signed map at the layer's own resolution, before ReLU and upsampling (activation methods). */
  readonly native?: Grid;
  /** True where negative values mean evidence against the target. */
  readonly isSigned?: boolean;
  readonly degenerate?: DegenerateReason;
  /** Method-specific facts for the record: loss history, completeness residual, segment count. Plain JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
}
