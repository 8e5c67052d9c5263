import { parseParams } from "../methods/parameters.ts";
import { randomStream } from "../random/random-stream.ts";
import type { SaliencyMap } from "../image/saliency-map.ts";
import type { Model, Target } from "../runtime/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  createMemo,
  type Metric,
  type MetricContext,
  type MetricResult,
  type TargetRegion,
} from "./define-metric.ts";
import { metricByName } from "./index.ts";

/** What {@link evaluateMap} is asked. */
export interface EvaluateMapRequest {
  readonly model: Model;
  /** The network input `[1, C, H, W]` that was explained. */
  readonly input: Tensor;
  /** The class that the map explains. */
  readonly target: Target;
  readonly map: SaliencyMap;
  /** Ids, or metrics with parameters. Several share what they have in common: curves, blurred images. */
  readonly metrics: readonly (
    | string
    | { readonly metric: string | Metric; readonly params?: Readonly<Record<string, unknown>> }
  )[];
  /** Where the target lies; for the pointing games. */
  readonly region?: TargetRegion;
  /** Default 0. */
  readonly seed?: number;
  /** Names the image in the random streams. Default `""`. */
  readonly imageKey?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Measures one map: the scores, and where a metric has one its curve, by metric id.
 *
 * @throws ParameterError for an unknown metric or parameter, and for one that needs what is not given.
 * @example
 * const { deletion, insertion } = await evaluateMap({ model, input, target, map, metrics: ["deletion", "insertion"] });
 */
export async function evaluateMap(
  request: EvaluateMapRequest,
): Promise<Readonly<Record<string, MetricResult>>> {
  const { model, input, target, map, region, seed = 0, imageKey = "", signal } = request;
  const context: Omit<MetricContext<unknown>, "params"> = {
    model,
    input,
    target,
    map,
    region,
    signal,
    random: (...keys) => randomStream(seed, imageKey, "metric", ...keys),
    imageMemo: createMemo(),
    mapMemo: createMemo(),
  };
  const results: Record<string, MetricResult> = {};
  for (const asked of request.metrics) {
    const { metric, params = {} } = typeof asked === "string" ? { metric: asked } : asked;
    const found = typeof metric === "string" ? metricByName(metric) : metric;
    results[found.name] = await found.evaluate({ ...context, params: parseParams(found, params) });
  }
  return results;
}
