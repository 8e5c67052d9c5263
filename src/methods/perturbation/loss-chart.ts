import type { Drawing } from "../../image/drawing.ts";
import { lineChart, type LineSeries } from "../../image/line-chart.ts";
import type { SaliencyMap } from "../../image/saliency-map.ts";
import type { OptimizationRecord } from "./optimizer.ts";

/**
 * The loss history of an optimised mask as a chart: above the objective and the terms it is the sum of, below the step
 * lengths, both over the iterations. `undefined` where the details of a map hold no history.
 *
 * @example
 * const { record } = await explain({ model, input, method: "sigcam" });
 * const drawing = lossChart(record.details, "SIGCAM");
 */
export function lossChart(details: SaliencyMap["details"], title: string): Drawing | undefined {
  const history = details?.["history"];
  if (!isHistory(history)) return undefined;
  const settings = details?.["settings"] as { readonly tvWeight?: number } | undefined;
  const tvWeight = settings?.tvWeight ?? 1;
  const x = history.map((_, index) => index + 1);
  const series = (label: string, value: (record: OptimizationRecord) => number): LineSeries => ({
    label,
    x,
    y: history.map(value),
  });
  return lineChart({
    width: 800,
    height: 640,
    title,
    xLabel: "iteration",
    panels: [
      {
        title: "Objective and its terms, after each step",
        series: [
          series("objective", ({ objective }) => objective),
          series("score", ({ score }) => score),
          series("L1 term", ({ l1, l1Weight }) => l1Weight * l1),
          series("TV term", ({ tv }) => tvWeight * tv),
        ],
      },
      {
        title: "Step length",
        series: [series("step", ({ step }) => step)],
        isLogarithmic: true,
      },
    ],
  });
}

function isHistory(value: unknown): value is readonly OptimizationRecord[] {
  return (
    Array.isArray(value) && value.length > 0 && typeof (value[0] as OptimizationRecord).objective === "number"
  );
}
