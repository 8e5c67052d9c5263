import type { z } from "zod";
import type { Metric, MetricContext, MetricResult } from "../src/metrics/define-metric.ts";
import { createMemo } from "../src/metrics/define-metric.ts";
import { randomStream } from "../src/random/random-stream.ts";
import type { Model } from "../src/runtime/model.ts";
import { filled, type Tensor } from "../src/tensor/tensor.ts";

/** Evaluates a metric on a bare map, with its default parameters where none are given. */
export function evaluateMetric<Schema extends z.ZodObject>(
  metric: Metric<Schema>,
  map: { readonly width: number; readonly height: number; readonly values: readonly number[] },
  extra: Partial<Omit<MetricContext<unknown>, "params">> & {
    readonly params?: z.input<Schema>;
    readonly input?: Tensor;
    readonly model?: Model;
  } = {},
): Promise<MetricResult> {
  const { params = {}, ...rest } = extra;
  return metric.evaluate({
    model: undefined as unknown as Model,
    input: filled([1, 1, map.height, map.width]),
    target: { index: 0 },
    map: { ...map, values: Float32Array.from(map.values) },
    random: (...keys) => randomStream(0, ...keys),
    imageMemo: createMemo(),
    mapMemo: createMemo(),
    ...rest,
    params: metric.params.parse(params),
  });
}
