import type { Cell, Summary } from "../summary.ts";

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

/**
 * The tables of methods x models and metrics: the paper's tables 1, 2 and 3, with intervals and significance. Where some
 * rows were measured on far fewer images, the first compares all on the images that they share, the second has all images.
 */
export function mainTables(summary: Summary): readonly ReportTable[] {
  const marks =
    "Means with 95 % bootstrap intervals over images. Best in bold; * differs from the best at p < 0.05, ** at p < 0.01 " +
    "(paired, two-sided, not corrected for the number of comparisons).";
  const { common } = summary;
  if (common === undefined) {
    return [methodTable(summary, "Methods", `${marks} Pairs are the images that both rows have.`)];
  }
  return [
    methodTable(
      common,
      "Methods, on the same images",
      `${marks} Only the maps that all rows have: some rows were measured on fewer images than others.`,
    ),
    methodTable(
      summary,
      "Methods, on all images of each",
      "Means with 95 % bootstrap intervals over images. Rows with different images do not compare with each other: the table before does that.",
      false,
    ),
  ];
}

function methodTable(summary: Summary, title: string, caption: string, hasMarks = true): ReportTable {
  const { models, rows, metrics } = summary;
  const groups = models.map((model) => ({ label: model, span: metrics.length }));
  const across = summary.acrossModels.filter(({ metric }) => metric === "over-all");
  const hasAcross = across.length > 0;
  const present = rows.filter((row) => summary.costs.some((cost) => cost.row === row));
  const cellsOf = (row: string): readonly Cell[] =>
    summary.cells.filter((cell) => cell.row === row && cell.count > 0);
  // Several classes of an image have a map each.
  const hasMaps = summary.cells.some(({ count, imageCount }) => count !== imageCount);
  const score = (cell: Cell | undefined, isPercent: boolean): TableCell =>
    scoreCell(cell && !hasMarks ? { ...cell, isBest: false, pValue: null } : cell, isPercent);
  return {
    title,
    caption,
    groups: [
      { label: "", span: hasMaps ? 3 : 2 },
      ...groups,
      ...(hasAcross ? [{ label: "mean of models", span: 1 }] : []),
    ],
    columns: [
      "method",
      "images",
      ...(hasMaps ? ["maps"] : []),
      ...models.flatMap(() =>
        metrics.map(
          ({ label, metric }) =>
            `${label}${metric.isPercent ? " (%)" : ""} ${metric.direction === "higher" ? "↑" : "↓"}`,
        ),
      ),
      ...(hasAcross ? ["over-all (%) ↑"] : []),
    ],
    rows: present.map((row) => [
      { text: row },
      { text: range(cellsOf(row).map(({ imageCount }) => imageCount)), isNumber: true },
      ...(hasMaps ? [{ text: range(cellsOf(row).map(({ count }) => count)), isNumber: true }] : []),
      ...models.flatMap((model) =>
        metrics.map(({ label, metric }) => score(cellOf(summary.cells, model, row, label), metric.isPercent)),
      ),
      ...(hasAcross
        ? [
            score(
              across.find((cell) => cell.row === row),
              true,
            ),
          ]
        : []),
    ]),
  };
}

/** `60`, or `58 to 60` where models or metrics differ. */
function range(counts: readonly number[]): string {
  const [low, high] = [Math.min(...counts), Math.max(...counts)];
  return counts.length === 0 ? "0" : low === high ? String(low) : `${low} to ${high}`;
}

/** The cell of a model, row and metric. */
export function cellOf(cells: readonly Cell[], model: string, row: string, metric: string): Cell | undefined {
  return cells.find((cell) => cell.model === model && cell.row === row && cell.metric === metric);
}

/** A mean with its interval. */
export function scoreCell(cell: Cell | undefined, isPercent: boolean): TableCell {
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
