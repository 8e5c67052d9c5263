import type { Summary } from "../summary.ts";
import { publishedNotes, publishedProtocols } from "./published-values.ts";
import { comparisonTable, costTable, mainTable, type ReportTable, type TableCell } from "./report-table.ts";

export interface ReportOptions {
  /** Adds the paper's numbers. */
  readonly comparePaper: boolean;
}

/** Sentences about how a run was made, for the head of every report. */
export function runFacts({
  run,
  images,
  accuracy,
  failures,
}: Summary): readonly (readonly [name: string, value: string])[] {
  const { configuration, provenance } = run;
  const limit =
    configuration.limit === undefined
      ? ""
      : ` (a sample of ${configuration.images.count}, seed ${configuration.seed})`;
  return [
    ["command", provenance.command],
    ["started", provenance.startedAt],
    ["data set", configuration.dataset],
    ["images", `${images.done} of ${images.planned}${limit}`],
    ["explained class", configuration.target],
    [
      "models",
      configuration.models
        .map(
          ({ name, sha256, preprocess }) =>
            `${name} (SHA-256 ${sha256.slice(0, 12)}, ${preprocess.resize.mode})`,
        )
        .join("; "),
    ],
    ...(Object.keys(accuracy).length > 0
      ? [
          [
            "top-1 accuracy",
            Object.entries(accuracy)
              .map(([model, share]) => `${model} ${(100 * share).toFixed(1)} %`)
              .join("; "),
          ] as const,
        ]
      : []),
    [
      "methods",
      configuration.rows
        .map((row) =>
          row.kind === "saved"
            ? `${row.label} (maps from ${row.pattern})`
            : `${row.label} ${parameterText(row.params)}`.trim(),
        )
        .join("; "),
    ],
    [
      "metrics",
      configuration.metrics.map(({ label, params }) => `${label} ${parameterText(params)}`.trim()).join("; "),
    ],
    ["failures", String(failures.length)],
    [
      "versions",
      Object.entries(provenance.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ],
    ["machine", provenance.machine],
  ];
}

function parameterText(params: Readonly<Record<string, unknown>>): string {
  const text = Object.entries(params)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
  return text === "" ? "" : `(${text})`;
}

/** The tables of a report, in order. */
export function reportTables(summary: Summary, { comparePaper }: ReportOptions): readonly ReportTable[] {
  const comparison = comparePaper ? comparisonTable(summary) : undefined;
  return [mainTable(summary), costTable(summary), ...(comparison === undefined ? [] : [comparison])];
}

/** The report as Markdown. */
export function toMarkdown(summary: Summary, options: ReportOptions): string {
  const escape = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  const cell = ({ text, isBest, note }: TableCell): string =>
    `${isBest === true ? `**${escape(text)}**` : escape(text.replaceAll("*", "\\*"))}${note === undefined ? "" : `<br><sub>${escape(note)}</sub>`}`;
  const table = ({ title, caption, groups, columns, rows }: ReportTable): string => {
    const labels = groups.flatMap(({ label, span }) => Array.from({ length: span }, () => label));
    // Markdown has no column groups: their names go into the headings where there are several.
    const named =
      groups.length > 2
        ? columns.map((column, index) => `${labels[index] === "" ? "" : `${labels[index]}: `}${column}`)
        : columns;
    const isNumber = columns.map((_, index) => rows.some((row) => row[index]?.isNumber === true));
    return [
      `## ${title}`,
      "",
      caption,
      "",
      `| ${named.map(escape).join(" | ")} |`,
      `| ${isNumber.map((right) => (right ? "---:" : "---")).join(" | ")} |`,
      ...rows.map((row) => `| ${row.map(cell).join(" | ")} |`),
    ].join("\n");
  };
  const failures = summary.failures.map(
    ({ image, model, row, code, message }) =>
      `- ${[image, model, row].filter((part) => part !== undefined).join(", ")}: ${code}: ${message.replaceAll("\n", " ")}`,
  );
  return [
    "# Evaluation",
    "",
    ...runFacts(summary).map(([name, value]) => `- ${name}: ${name === "command" ? `\`${value}\`` : value}`),
    "",
    ...reportTables(summary, options).flatMap((item) => [table(item), ""]),
    ...(options.comparePaper
      ? ["## Protocols of the paper's tables", "", ...protocolNotes().map((note) => `- ${note}`), ""]
      : []),
    ...(failures.length > 0 ? ["## Failures", "", ...failures, ""] : []),
  ].join("\n");
}

/** What the paper's numbers rest on, and what they leave open. */
export function protocolNotes(): readonly string[] {
  return [
    ...Object.entries(publishedProtocols).map(([table, text]) => `${table}: ${text}.`),
    ...publishedNotes,
  ];
}

/** All cells as CSV, one a line, in full precision. */
export function toCsv({ cells, acrossModels }: Summary): string {
  const quote = (value: string | number | null): string => {
    const text = value === null ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [...cells, ...acrossModels].map(
    ({ model, row, metric, count, mean, standardError, interval, isBest, pValue }) =>
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
      ]
        .map(quote)
        .join(","),
  );
  return `${["model,method,metric,count,mean,standard_error,low,high,is_best,p_value", ...lines].join("\n")}\n`;
}

/** Everything but the scores of single images, as JSON. */
export function toJson(summary: Summary): string {
  const { scores: _scores, metrics, ...rest } = summary;
  return `${JSON.stringify({ ...rest, metrics: metrics.map(({ label, metric: { title, direction, isPercent } }) => ({ label, title, direction, isPercent })) }, undefined, 2)}\n`;
}

/** The tables as LaTeX (package booktabs). */
export function toLatex(summary: Summary, options: ReportOptions): string {
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
  const facts = runFacts(summary).map(([name, value]) => `% ${name}: ${value.replaceAll("\n", " ")}`);
  return `${[...facts, "", ...reportTables(summary, options).map(table)].join("\n")}\n`;
}
