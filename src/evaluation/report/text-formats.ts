import type { Summary } from "../summary.ts";
import { orderTable, paperTables } from "./paper-tables.ts";
import { costTable, mainTables, type ReportTable, type TableCell } from "./report-table.ts";
import { curveImages, partTitle, protocolNotes, runFacts } from "./run-facts.ts";

export interface ReportOptions {
  /** Adds the paper's numbers. */
  readonly comparePaper: boolean;
}

/** The tables of a report, in order: methods, cost, the paper's. */
export function reportTables(summary: Summary, { comparePaper }: ReportOptions): readonly ReportTable[] {
  const compared = summary.common ?? summary;
  const order = orderTable(compared);
  return [
    ...mainTables(summary),
    costTable(summary),
    ...(comparePaper ? [...paperTables(compared), ...(order === undefined ? [] : [order])] : []),
  ];
}

/** Failures listed in Markdown; the JSON report has all. */
const maxFailures = 50;

/** The file of a chart beside a Markdown page. */
export interface ChartFile {
  readonly title: string;
  /** From the page. */
  readonly path: string;
}

/**
 * The report as Markdown, one part after the other.
 * @param charts of each part, in order: pictures that were written beside the page
 */
export function toMarkdown(
  summaries: readonly Summary[],
  options: ReportOptions,
  charts: readonly (readonly ChartFile[])[] = [],
): string {
  const parts = summaries.map((summary, index) =>
    markdownPart(summary, options, charts[index] ?? [], summaries.length > 1 ? "###" : "##"),
  );
  const [only = []] = parts;
  const content =
    summaries.length === 1
      ? only
      : summaries.flatMap((summary, index) => [`## ${partTitle(summary)}`, "", ...(parts[index] ?? [])]);
  return ["# Evaluation", "", ...content].join("\n");
}

const escapeMarkdown = (text: string): string =>
  text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");

function markdownPart(
  summary: Summary,
  options: ReportOptions,
  charts: readonly ChartFile[],
  heading: string,
): readonly string[] {
  const failures = summary.failures.map(
    ({ image, model, row, code, message }) =>
      `- ${[image, model, row].filter((part) => part !== undefined).join(", ")}: ${code}: ${escapeMarkdown(message)}`,
  );
  const more = failures.length - maxFailures;
  const tables = reportTables(summary, options).map((item) => [markdownTable(item, heading), ""]);
  const count = mainTables(summary).length;
  const facts = runFacts(summary).map(
    ([name, value]) => `- ${name}: ${name === "command" ? `\`${value}\`` : escapeMarkdown(value)}`,
  );
  return [
    ...tables.slice(0, count).flat(),
    ...(charts.length > 0
      ? [
          `${heading} Curves and cost`,
          "",
          `${curveImages(summary.common ?? summary)} Bands are 95 % intervals of the mean at each step.`,
          "",
          ...charts.flatMap(({ title, path }) => [`![${title}](${encodeURI(path)})`, ""]),
        ]
      : []),
    ...tables.slice(count).flat(),
    ...(options.comparePaper
      ? [
          `${heading} Differences in protocol`,
          "",
          ...protocolNotes(summary).map((note) => `- ${escapeMarkdown(note)}`),
          "",
        ]
      : []),
    ...(failures.length > 0
      ? [
          `${heading} Failures`,
          "",
          ...failures.slice(0, maxFailures),
          ...(more > 0 ? [`- ${more} more are in the JSON report.`] : []),
          "",
        ]
      : []),
    `${heading} How this was made`,
    "",
    ...facts,
    "",
  ];
}

function markdownTable({ title, caption, groups, columns, rows }: ReportTable, heading: string): string {
  const cell = ({ text, isBest, note }: TableCell): string =>
    `${isBest === true ? `**${escapeMarkdown(text)}**` : escapeMarkdown(text.replaceAll("*", "\\*"))}${note === undefined ? "" : `<br><sub>${escapeMarkdown(note)}</sub>`}`;
  const labels = groups.flatMap(({ label, span }) => Array.from({ length: span }, () => label));
  // Markdown has no column groups: their names go into the headings where there are several.
  const named =
    groups.length > 2
      ? columns.map((column, index) => `${labels[index] === "" ? "" : `${labels[index]}: `}${column}`)
      : columns;
  const isNumber = columns.map((_, index) => rows.some((row) => row[index]?.isNumber === true));
  return [
    `${heading} ${title}`,
    "",
    caption.replaceAll("*", "\\*"),
    "",
    `| ${named.map(escapeMarkdown).join(" | ")} |`,
    `| ${isNumber.map((right) => (right ? "---:" : "---")).join(" | ")} |`,
    ...rows.map((row) => `| ${row.map(cell).join(" | ")} |`),
  ].join("\n");
}

/** All cells as CSV, one a line, in full precision. */
export function toCsv(summaries: readonly Summary[]): string {
  const quote = (value: string | number | null): string => {
    const text = value === null ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  // The means over all images of each row, then those over the images that all rows have.
  const cells = summaries.flatMap((summary) =>
    [summary, ...(summary.common ? [summary.common] : [])].flatMap((item) =>
      [...item.cells, ...item.acrossModels].map((cell) => ({
        ...cell,
        dataset: summary.configuration.dataset,
        isCommon: item !== summary,
      })),
    ),
  );
  const lines = cells.map(
    ({ model, row, metric, count, mean, standardError, interval, isBest, pValue, ...rest }) =>
      [
        model,
        row,
        metric,
        count,
        count === 0 ? null : mean,
        standardError,
        interval?.[0] ?? null,
        interval?.[1] ?? null,
        isBest ? 1 : 0,
        pValue,
        rest.imageCount,
        rest.isCommon ? 1 : 0,
        rest.dataset,
      ]
        .map(quote)
        .join(","),
  );
  const head =
    "model,method,metric,count,mean,standard_error,low,high,is_best,p_value,images,is_on_common_images,data_set";
  return `${[head, ...lines].join("\n")}\n`;
}

/** Everything but the scores of single images, as JSON: an object, or a list of one for each part. */
export function toJson(summaries: readonly Summary[]): string {
  const plain = ({ scores: _scores, metrics, common, ...rest }: Summary): object => ({
    ...rest,
    metrics: metrics.map(({ label, metric: { title, direction, isPercent } }) => ({
      label,
      title,
      direction,
      isPercent,
    })),
    ...(common && { common: plain(common) }),
  });
  const parts = summaries.map(plain);
  return `${JSON.stringify(parts.length === 1 ? parts[0] : parts, undefined, 2)}\n`;
}

/** The tables as LaTeX (package booktabs). */
export function toLatex(summaries: readonly Summary[], options: ReportOptions): string {
  const escape = (text: string): string =>
    text
      .replace(/[\\&%$#_{}]/g, (character) => (character === "\\" ? "\\textbackslash{}" : `\\${character}`))
      .replaceAll("↑", "$\\uparrow$")
      .replaceAll("↓", "$\\downarrow$")
      .replace(/(\*+)$/, "$^{$1}$");
  const cell = ({ text, isBest, note }: TableCell): string => {
    const value = isBest === true ? `\\textbf{${escape(text)}}` : escape(text);
    return note === undefined ? value : `\\shortstack[r]{${value}\\\\{\\scriptsize ${escape(note)}}}`;
  };
  const table = ({ caption, groups, columns, rows }: ReportTable): string => {
    const alignment = columns
      .map((_, index) => (rows.some((row) => row[index]?.isNumber === true) ? "r" : "l"))
      .join("");
    const heads = groups.map(({ label, span }) =>
      span === 1 ? escape(label) : `\\multicolumn{${span}}{c}{${escape(label)}}`,
    );
    return [
      "\\begin{table}",
      "\\centering",
      `\\caption{${escape(caption)}}`,
      `\\begin{tabular}{${alignment}}`,
      "\\toprule",
      ...(groups.length > 0 ? [`${heads.join(" & ")} \\\\`] : []),
      `${columns.map(escape).join(" & ")} \\\\`,
      "\\midrule",
      ...rows.map((row) => `${row.map(cell).join(" & ")} \\\\`),
      "\\bottomrule",
      "\\end{tabular}",
      "\\end{table}",
    ].join("\n");
  };
  return summaries
    .flatMap((summary) => [
      ...runFacts(summary).map(([name, value]) => `% ${name}: ${value.replaceAll("\n", " ")}`),
      "",
      ...reportTables(summary, options).map(table),
      "",
    ])
    .join("\n");
}
