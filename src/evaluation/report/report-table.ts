import type { Cell, Summary } from "../summary.ts";
import { publishedValues, type PublishedValue } from "./published-values.ts";

/** A cell as every form of table shows it. */
export interface TableCell {
  readonly text: string;
  readonly isBest?: boolean;
  /** Numbers line up on the right. */
  readonly isNumber?: boolean;
  /** Shown smaller, below. */
  readonly note?: string;
}

/** A table with groups of columns. */
export interface ReportTable {
  readonly title: string;
  readonly caption: string;
  /** Names over the columns; a group spans several. */
  readonly groups: readonly { readonly label: string; readonly span: number }[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly TableCell[])[];
}

/** 0.1234 as `12.34` where a metric is a percentage, else with three decimals. */
export function formatScore(value: number, isPercent: boolean): string {
  if (!Number.isFinite(value)) return "-";
  return isPercent ? (100 * value).toFixed(2) : value.toFixed(3);
}

/** The table of methods x models and metrics: the paper's tables 1, 2 and 3, with intervals and significance. */
export function mainTable(summary: Summary): ReportTable {
  const { models, rows, metrics } = summary;
  const groups = models.map((model) => ({ label: model, span: metrics.length }));
  const across = summary.acrossModels.filter(({ metric }) => metric === "over-all");
  const hasAcross = across.length > 0;
  return {
    title: "Methods",
    caption:
      "Means with 95 % bootstrap intervals over images. Best in bold; * differs from the best at p < 0.05, ** at p < 0.01 " +
      "(paired, two-sided, not corrected for the number of comparisons).",
    groups: [{ label: "", span: 1 }, ...groups, ...(hasAcross ? [{ label: "mean of models", span: 1 }] : [])],
    columns: [
      "method",
      ...models.flatMap(() =>
        metrics.map(
          ({ label, metric }) =>
            `${label}${metric.isPercent ? " (%)" : ""} ${metric.direction === "higher" ? "↑" : "↓"}`,
        ),
      ),
      ...(hasAcross ? ["over-all (%) ↑"] : []),
    ],
    rows: rows.map((row) => [
      { text: row },
      ...models.flatMap((model) =>
        metrics.map(({ label, metric }) =>
          scoreCell(cellOf(summary.cells, model, row, label), metric.isPercent),
        ),
      ),
      ...(hasAcross
        ? [
            scoreCell(
              across.find((cell) => cell.row === row),
              true,
            ),
          ]
        : []),
    ]),
  };
}

function cellOf(cells: readonly Cell[], model: string, row: string, metric: string): Cell | undefined {
  return cells.find((cell) => cell.model === model && cell.row === row && cell.metric === metric);
}

function scoreCell(cell: Cell | undefined, isPercent: boolean): TableCell {
  if (cell === undefined || cell.count === 0) return { text: "-", isNumber: true };
  const { mean, interval, pValue, isBest } = cell;
  const stars = pValue === null ? "" : pValue < 0.01 ? "**" : pValue < 0.05 ? "*" : "";
  const note =
    interval === null
      ? undefined
      : `${formatScore(interval[0], isPercent)} to ${formatScore(interval[1], isPercent)}`;
  return {
    text: `${formatScore(mean, isPercent)}${stars}`,
    isBest,
    isNumber: true,
    ...(note !== undefined && { note }),
  };
}

/** What maps cost, and how many were degenerate. */
export function costTable({ costs, rows, models }: Summary): ReportTable {
  const ordered = models.flatMap((model) =>
    rows.flatMap((row) => costs.filter((cost) => cost.model === model && cost.row === row)),
  );
  return {
    title: "Cost",
    caption:
      "Means a map: f forward passes, fb forward and backward passes of one image; seconds of the map and of all its metrics. Degenerate maps are those a method could not fill, with the reason.",
    groups: [],
    columns: ["model", "method", "maps", "f", "fb", "seconds", "metric seconds", "degenerate", "unfinished"],
    rows: ordered.map((cost) => [
      { text: cost.model },
      { text: cost.row },
      { text: String(cost.count), isNumber: true },
      { text: cost.f.toFixed(0), isNumber: true },
      { text: cost.fb.toFixed(0), isNumber: true },
      { text: cost.seconds.toFixed(3), isNumber: true },
      { text: cost.metricSeconds.toFixed(3), isNumber: true },
      {
        text:
          Object.entries(cost.degenerate)
            .map(([code, count]) => `${count} ${code}`)
            .join(", ") || "0",
      },
      { text: String(cost.unfinished), isNumber: true },
    ]),
  };
}

/** Ours beside the paper's, for every number that it prints for one of our rows; `undefined` if there is none. */
export function comparisonTable(summary: Summary): ReportTable | undefined {
  const rows = publishedValues().flatMap((value) => {
    const found = ourCells(summary, value);
    return found.map((cell) => [
      { text: value.table },
      { text: value.row },
      { text: value.metric },
      { text: value.model },
      { text: value.percent.toFixed(2), isNumber: true },
      { text: cell.model },
      { text: formatScore(cell.mean, true), isNumber: true },
      { text: (100 * cell.mean - value.percent).toFixed(2), isNumber: true },
    ]);
  });
  if (rows.length === 0) return undefined;
  return {
    title: "Beside the paper",
    caption:
      "The paper's numbers (percent) beside ours, whatever model ours are from; see the differences in protocol below.",
    groups: [],
    columns: ["table", "method", "metric", "paper's model", "paper", "our model", "ours", "difference"],
    rows,
  };
}

/** The same model if we have it, else all of ours. */
function ourCells({ cells, acrossModels, models }: Summary, value: PublishedValue): readonly Cell[] {
  const all = [...cells, ...acrossModels].filter(
    (cell) => cell.row === value.row && cell.metric === value.metric && cell.count > 0,
  );
  const sameName = models.find(
    (model) => model.toLowerCase().replace(/[^a-z0-9]/g, "") === value.model.replace(/[^a-z0-9]/g, ""),
  );
  if (sameName !== undefined) return all.filter((cell) => cell.model === sameName);
  if (value.model === "mean of models" && acrossModels.length > 0)
    return all.filter((cell) => cell.model === value.model);
  return all.filter((cell) => cell.model !== "mean of models");
}
