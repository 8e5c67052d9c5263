import type { MeanCurve } from "../mean-curve.ts";
import type { Summary } from "../summary.ts";
import { lineChart, scatterChart, type ChartPoint } from "./chart.ts";

/** A chart with its name, as an SVG element. */
export interface ReportChart {
  /** For a file: `deletion-MODEL`. */
  readonly id: string;
  readonly title: string;
  readonly svg: string;
  /** The lines' names, for a legend; none where the chart has them at its points. */
  readonly legend: readonly string[];
}

/** What the axes of a metric's curve mean. */
const curveAxes: Readonly<Record<string, readonly [x: string, y: string]>> = {
  deletion: ["share of pixels removed", "score"],
  insertion: ["share of pixels shown", "score"],
  road: ["share of pixels removed", "probability"],
  "sensitivity-n": ["share of cells removed", "correlation"],
  "sanity-checks": ["blocks drawn anew, from the output", "rank correlation"],
};

/** The mean curves, as in the paper's figure 4: of each model and metric that has some. */
export function curveCharts({ models, metrics, rows, cells }: Summary): readonly ReportChart[] {
  return models.flatMap((model) =>
    metrics.flatMap(({ label, metric }) => {
      // Rows without a curve keep their place, so that a row has one colour in all charts.
      const lines = rows.map((row) => {
        const curve = cells.find(
          (cell) => cell.model === model && cell.row === row && cell.metric === label,
        )?.curve;
        return {
          label: row,
          x: curve?.x ?? [],
          y: curve?.mean ?? [],
          ...(curve && withinReach(curve)),
        };
      });
      if (lines.every((line) => line.x.length === 0)) return [];
      const [xLabel, yLabel] = curveAxes[metric.name] ?? ["", metric.title];
      const title = `${metric.title}, ${model}`;
      const svg = lineChart(lines, { title, xLabel, yLabel });
      return [{ id: `${label}-${model}`, title, svg, legend: rows }];
    }),
  );
}

/** The band of a curve. The mean of numbers from 0 to 1 is one too, whatever the normal approximation says of a few images. */
function withinReach({ mean, low, high }: MeanCurve): Pick<MeanCurve, "low" | "high"> {
  if (mean.some((value) => value < 0 || value > 1)) return { low, high };
  return { low: low.map((value) => Math.max(0, value)), high: high.map((value) => Math.min(1, value)) };
}

/** Cost against quality of each model: seconds a map, and the over-all score or else the first metric. */
export function costCharts({ models, metrics, rows, cells, costs }: Summary): readonly ReportChart[] {
  const chosen = metrics.find(({ label }) => label === "over-all") ?? metrics[0];
  if (chosen === undefined) return [];
  return models.flatMap((model) => {
    const points = rows.flatMap((row): readonly ChartPoint[] => {
      const cell = cells.find(
        (item) => item.model === model && item.row === row && item.metric === chosen.label,
      );
      const cost = costs.find((item) => item.model === model && item.row === row);
      if (cell === undefined || cost === undefined || cell.count === 0 || cost.f + cost.fb === 0) return [];
      const scale = chosen.metric.isPercent ? 100 : 1;
      const interval =
        cell.interval === null ? {} : { low: scale * cell.interval[0], high: scale * cell.interval[1] };
      return [{ label: row, x: cost.seconds, y: scale * cell.mean, ...interval }];
    });
    if (points.length === 0) return [];
    const title = `Cost and quality, ${model}`;
    const yLabel = `${chosen.metric.title}${chosen.metric.isPercent ? " (%)" : ""}`;
    const svg = scatterChart(points, { title, xLabel: "seconds a map", yLabel });
    return [{ id: `cost-${model}`, title, svg, legend: [] }];
  });
}
