import type { LineChart } from "../image/line-chart.ts";
import type { SaliencyMap } from "../image/saliency-map.ts";
import { createMemo, type Curve, type Memo } from "../metrics/define-metric.ts";
import { deletion } from "../metrics/deletion.ts";
import { insertion } from "../metrics/insertion.ts";
import { randomStream } from "../random/random-stream.ts";
import type { Model, Target } from "../runtime/model.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Area under a curve, and the curve: `x` the share of pixels 0..1, `y` the probability of the class. */
export interface MeasuredCurve {
  readonly auc: number;
  readonly curve: Curve;
}

/** How well a map finds what the network looks at. */
export interface MapEvaluation {
  /** While the most salient pixels are blurred first; lower is better. */
  readonly deletion: MeasuredCurve;
  /** While the most salient pixels return first to a blurred image; higher is better. */
  readonly insertion: MeasuredCurve;
}

/** What is measured. */
export interface MapToEvaluate {
  readonly model: Model;
  readonly input: Tensor;
  readonly target: Target;
  readonly map: SaliencyMap;
  readonly seed: number;
  readonly imageKey: string;
  /** Shared by all maps of the image: blurred copies, end points. */
  readonly imageMemo: Memo;
  readonly signal?: AbortSignal | undefined;
}

/** Deletion and insertion of one map, with the paper's protocol: as `evaluate` measures them. */
export async function evaluateMap({ seed, imageKey, ...given }: MapToEvaluate): Promise<MapEvaluation> {
  const context = {
    ...given,
    random: (...keys: readonly (string | number)[]) => randomStream(seed, imageKey, "metric", ...keys),
    mapMemo: createMemo(),
  };
  const measure = async (metric: typeof deletion): Promise<MeasuredCurve> => {
    const { score, curve } = await metric.evaluate({ ...context, params: metric.params.parse({}) });
    return { auc: score ?? Number.NaN, curve: curve ?? { x: [], y: [] } };
  };
  return { deletion: await measure(deletion), insertion: await measure(insertion) };
}

/** A map that was measured, with the name it has in a legend. */
export interface NamedEvaluation {
  readonly title: string;
  readonly evaluation: MapEvaluation;
}

/**
 * The curves for the picture: of one map both in one chart; of several, a chart each for deletion and insertion with a
 * line a map, so that they can be compared.
 */
export function curveCharts(
  maps: readonly NamedEvaluation[],
  isDifference: boolean,
): readonly Pick<LineChart, "title" | "xLabel" | "panels">[] {
  const title = isDifference ? "difference of probabilities" : "probability of the class";
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const range = isDifference ? {} : { range: [0, 1] as const };
  const [only] = maps;
  if (only === undefined) return [];
  if (maps.length === 1) {
    const series = (["deletion", "insertion"] as const).map((kind) => {
      const { auc, curve } = only.evaluation[kind];
      return { label: `${kind} ${percent(auc)}`, ...curve };
    });
    return [
      {
        title: "Deletion and insertion",
        xLabel: "share of pixels removed or shown",
        panels: [{ title, series, ...range }],
      },
    ];
  }
  return (["deletion", "insertion"] as const).map((kind) => ({
    title: kind === "deletion" ? "Deletion: lower is better" : "Insertion: higher is better",
    xLabel: kind === "deletion" ? "share of pixels removed" : "share of pixels shown",
    panels: [
      {
        title,
        series: maps.map(({ title: name, evaluation }) => {
          const { auc, curve } = evaluation[kind];
          return { label: `${name} ${percent(auc)}`, ...curve };
        }),
        ...range,
      },
    ],
  }));
}
