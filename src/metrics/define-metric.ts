import type { z } from "zod";
import type { Placement } from "../image/placement.ts";
import type { SaliencyMap } from "../image/saliency-map.ts";
import type { Paper } from "../methods/define-method.ts";
import type { RandomStream } from "../random/random-stream.ts";
import type { Model, Target } from "../runtime/model.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Makes a value once for a key and gives the same one afterwards. */
export type Memo = <Value>(key: string, make: () => Value) => Value;

/** A memo without limits; live as long as the image or the map it is for. */
export function createMemo(): Memo {
  const values = new Map<string, unknown>();
  return <Value>(key: string, make: () => Value): Value => {
    if (!values.has(key)) values.set(key, make());
    return values.get(key) as Value;
  };
}

/** Where the target lies, on the pixel grid of the photograph it was annotated on. */
export interface TargetRegion {
  /** Size of the photograph in pixels. */
  readonly width: number;
  readonly height: number;
  /** Row-major, 1 inside the region, `width * height` bytes. */
  readonly mask: Uint8Array;
  /** Which part of the photograph the network saw. Default: all of it, stretched to the input size. */
  readonly placement?: Placement;
}

/** A network whose weights were drawn anew, for the parameter randomisation test. */
export interface RandomizedStage {
  /** Which block was drawn anew last, as the plot names it. */
  readonly label: string;
  /** The saliency map of the same method, image and target on the changed network. */
  explain(): Promise<SaliencyMap>;
}

/** Everything a metric is given: one map of one image for one target, and the network it explains. */
export interface MetricContext<Params> {
  readonly model: Model;
  /** The network input `[1, C, H, W]` that was explained. Never modified. */
  readonly input: Tensor;
  /** The class the map explains; metrics never choose another. */
  readonly target: Target;
  /** Raw map, H x W of the network's input. */
  readonly map: SaliencyMap;
  readonly params: Params;
  /** A random stream of its own for each list of keys. */
  random(...keys: readonly (string | number)[]): RandomStream;
  readonly signal?: AbortSignal | undefined;
  /** Shared by all maps of one image and network: blurred images, scores of unchanged images. */
  readonly imageMemo: Memo;
  /** Shared by all metrics of one map: pixel order, curves. */
  readonly mapMemo: Memo;
  /** Present where the data set says where the target is. */
  readonly region?: TargetRegion | undefined;
  /**
   * Networks with weights drawn anew, one stage after the other from the output downwards; present where whoever runs
   * the metric can change weights. Stages are made one at a time, so that one changed network is held at a time.
   */
  readonly randomizedStages?: (request: {
    readonly mode: "cascading" | "independent";
    readonly initializer: "match-std" | "permute" | "he";
    readonly seed: number;
  }) => AsyncIterable<RandomizedStage>;
}

/** A curve of scores: `y[j]` at `x[j]`. */
export interface Curve {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface MetricResult {
  /** `null` where the metric is not defined for this map (a constant map has no rank correlation). */
  readonly score: number | null;
  readonly curve?: Curve;
  /** Facts for the record; plain JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What a metric cannot do without, besides the network and the map. */
export type MetricNeeds = "region" | "randomized-weights";

export interface Metric<Schema extends z.ZodObject = z.ZodObject> {
  /** kebab-case id. */
  readonly name: string;
  readonly title: string;
  /** Which way is better. */
  readonly direction: "lower" | "higher";
  /** True if scores are in 0..1 (or differences of such) and tables show percent. */
  readonly isPercent: boolean;
  /** How one number comes out of many: the mean over maps, or first the mean of each class, then over classes. */
  readonly aggregate: "mean" | "mean-over-classes";
  readonly paper: Paper;
  /** One sentence for tables and help. */
  readonly summary: string;
  readonly needs?: MetricNeeds;
  readonly params: Schema;
  /** The score of one map. */
  evaluate(context: MetricContext<z.output<Schema>>): Promise<MetricResult>;
}

/** Declares a metric; only there for type inference. */
export function defineMetric<Schema extends z.ZodObject>(metric: Metric<Schema>): Metric<Schema> {
  return metric;
}
