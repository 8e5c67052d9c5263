import { pairedSignificance, type Observation } from "../statistics.ts";
import { cellKey, type Cell, type Summary } from "../summary.ts";
import { publishedValues, type PublishedValue } from "./published-values.ts";
import { cellOf, scoreCell, type ReportTable, type TableCell } from "./report-table.ts";

const titles = {
  table1: "The paper's table 1, ablation",
  table2: "The paper's table 2, methods and networks",
  table3: "The paper's table 3, pointing game",
} as const;

type PaperTable = keyof typeof titles;
const tables = ["table1", "table2", "table3"] as const;

/** The values of a published table for the rows and metrics that a run has too; two rows at least, or there is no order. */
function shared(summary: Summary, table: PaperTable): readonly PublishedValue[] {
  const hasRow = (row: string): boolean => summary.cells.some((cell) => cell.row === row);
  // The paper's settings for COCO have a name of their own here.
  const named = publishedValues().map((value) =>
    value.table === "table3" && value.row === "sigcam" && !hasRow("sigcam") && hasRow("sigcam-coco")
      ? { ...value, row: "sigcam-coco" }
      : value,
  );
  const values = named.filter(
    (value) =>
      value.table === table &&
      summary.cells.some((cell) => cell.row === value.row && cell.metric === value.metric && cell.count > 0),
  );
  return new Set(values.map(({ row }) => row)).size < 2 ? [] : values;
}

const unique = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

/** The paper's tables in its own form, our numbers before its numbers. */
export function paperTables(summary: Summary): readonly ReportTable[] {
  return tables.flatMap((table): readonly ReportTable[] => {
    const values = shared(summary, table);
    if (values.length === 0) return [];
    const metrics = unique(values.map(({ metric }) => metric));
    const theirs = unique(values.map(({ model, metric }) => `${model}|${metric}`)).map((key) => {
      const [model = "", metric = ""] = key.split("|");
      return { model, metric };
    });
    const theirModels = unique(theirs.map(({ model }) => model));
    const arrow = (metric: string): string => (metric === "deletion" ? "↓" : "↑");
    const cells = (row: string): readonly TableCell[] => [
      { text: row },
      ...summary.models.flatMap((model) =>
        metrics.map((metric) => {
          const cell = cellOf(summary.cells, model, row, metric);
          return scoreCell(cell && { ...cell, isBest: isBestOf(cell, values, summary), pValue: null }, true);
        }),
      ),
      ...theirs.map(({ model, metric }): TableCell => {
        const found = values.find(
          (value) => value.row === row && value.model === model && value.metric === metric,
        );
        const best = bestValue(values.filter((value) => value.model === model && value.metric === metric));
        return {
          text: found === undefined ? "-" : found.percent.toFixed(2),
          isNumber: true,
          isBest: found !== undefined && found === best,
        };
      }),
    ];
    return [
      {
        title: titles[table],
        caption:
          "Ours (mean, 95 % interval), then the paper's numbers, in percent, for the methods that both have; the best of these in bold.",
        groups: [
          { label: "", span: 1 },
          ...summary.models.map((model) => ({ label: `ours, ${model}`, span: metrics.length })),
          ...theirModels.map((model) => ({
            label: `paper, ${model}`,
            span: theirs.filter((item) => item.model === model).length,
          })),
        ],
        columns: [
          "method",
          ...summary.models.flatMap(() => metrics.map((metric) => `${metric} ${arrow(metric)}`)),
          ...theirs.map(({ metric }) => `${metric} ${arrow(metric)}`),
        ],
        rows: unique(values.map(({ row }) => row)).map(cells),
      },
    ];
  });
}

function bestValue(values: readonly PublishedValue[]): PublishedValue | undefined {
  return values.toSorted((a, b) =>
    a.metric === "deletion" ? a.percent - b.percent : b.percent - a.percent,
  )[0];
}

/** Of the rows that the paper has, not of all of ours. */
function isBestOf(cell: Cell, values: readonly PublishedValue[], { cells }: Summary): boolean {
  const sign = cell.metric === "deletion" ? -1 : 1;
  return cells
    .filter(
      ({ model, metric, row, count }) =>
        model === cell.model &&
        metric === cell.metric &&
        count > 0 &&
        values.some((value) => value.row === row),
    )
    .every(({ mean }) => sign * mean <= sign * cell.mean);
}

/** Where the paper's order of methods holds on our models, and where it does not: every pair of methods, by every column. */
export function orderTable(summary: Summary): ReportTable | undefined {
  const rows = tables.flatMap((table) => {
    const values = shared(summary, table);
    return unique(values.map(({ model, metric }) => `${model}|${metric}`)).flatMap((column) => {
      const ofColumn = values.filter(({ model, metric }) => `${model}|${metric}` === column);
      const metric = ofColumn[0]?.metric ?? "deletion";
      return summary.models.map((ours): readonly TableCell[] => {
        const pairs = orderedPairs(ofColumn).map(([better, worse]) =>
          comparePair(summary, ours, metric, better, worse),
        );
        const count = (kind: Verdict["kind"]): number => pairs.filter((pair) => pair.kind === kind).length;
        const reversed = pairs.filter((pair) => pair.kind === "reversed").map(({ text }) => text);
        return [
          { text: titles[table].replace("The paper's ", "").replace(/,.*/, "") },
          { text: metric },
          { text: ofColumn[0]?.model ?? "" },
          { text: ours },
          { text: String(pairs.length), isNumber: true },
          { text: String(count("same")), isNumber: true },
          { text: String(count("open")), isNumber: true },
          { text: String(reversed.length), isNumber: true },
          { text: reversed.join("; ") || "none" },
        ];
      });
    });
  });
  if (rows.length === 0) return undefined;
  return {
    title: "Where the paper's order holds",
    caption:
      "All pairs of methods that the paper and we have. The same or reversed: our paired difference has p < 0.05 (two-sided, not corrected); open: it does not, so that these images do not tell. " +
      "Reversed pairs are named, the one that is better here first.",
    groups: [],
    columns: [
      "paper",
      "metric",
      "paper's model",
      "our model",
      "pairs",
      "the same",
      "open",
      "reversed",
      "reversed pairs",
    ],
    rows,
  };
}

/** Pairs of which the paper prints the first as better. */
function orderedPairs(values: readonly PublishedValue[]): readonly (readonly [string, string])[] {
  const sorted = values.toSorted((a, b) =>
    a.metric === "deletion" ? a.percent - b.percent : b.percent - a.percent,
  );
  return sorted.flatMap((better, index) =>
    sorted.slice(index + 1).map((worse) => [better.row, worse.row] as const),
  );
}

interface Verdict {
  readonly kind: "same" | "open" | "reversed";
  readonly text: string;
}

function comparePair(
  { scores, configuration }: Summary,
  model: string,
  metric: string,
  better: string,
  worse: string,
): Verdict {
  const of = (row: string): readonly Observation[] =>
    (scores.get(cellKey(model, row, metric)) ?? []).map(({ image, target, score }) => ({
      image,
      class: target.category ?? target.index,
      score,
    }));
  const [first, second] = [of(better), of(worse)];
  const difference = pairedDifference(first, second) * (metric === "deletion" ? -1 : 1);
  const p = pairedSignificance(first, second, configuration.seed) ?? 1;
  const kind = p >= 0.05 ? "open" : difference > 0 ? "same" : "reversed";
  return { kind, text: `${worse} over ${better} (p ${p < 0.001 ? "< 0.001" : `= ${p.toFixed(3)}`})` };
}

/** The mean difference over what both have. */
function pairedDifference(first: readonly Observation[], second: readonly Observation[]): number {
  const key = ({ image, class: category }: Observation): string => `${image}|${category}`;
  const others = new Map(second.map((item) => [key(item), item.score]));
  const differences = first.flatMap((item) => {
    const other = others.get(key(item));
    return other === undefined ? [] : [item.score - other];
  });
  return differences.reduce((sum, value) => sum + value, 0) / Math.max(1, differences.length);
}
