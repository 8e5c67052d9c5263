import type { Summary } from "../summary.ts";
import { escapeHtml, legend } from "./chart.ts";
import { costCharts, curveCharts, type ReportChart } from "./report-charts.ts";
import { reportScript, reportStyle } from "./html-style.ts";
import type { GridPicture, GridRow } from "./image-grid.ts";
import { mainTables, type ReportTable, type TableCell } from "./report-table.ts";
import { curveImages, partTitle, protocolNotes, runFacts } from "./run-facts.ts";
import { reportTables, type ReportOptions } from "./text-formats.ts";

/** Examples of one model. */
export interface ReportGrid {
  readonly model: string;
  readonly metric: string;
  readonly reference: string;
  readonly rows: readonly GridRow[];
}

/** Failures listed on the page; the JSON report has all. */
const maxFailures = 200;

/** Runs that go together, with their examples. */
export interface HtmlPart {
  readonly summary: Summary;
  readonly grids: readonly ReportGrid[];
}

/** The report as one HTML file that needs nothing else: no network, no fonts, no libraries. */
export function toHtml(parts: readonly HtmlPart[], options: ReportOptions): string {
  const names = parts.map(({ summary }) => partTitle(summary));
  const title = `Evaluation: ${names.join(", ")}`;
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title><style>${reportStyle}</style></head><body>`,
    `<main><h1>${escapeHtml(title)}</h1>`,
    ...parts.flatMap((part, index) => [
      ...(parts.length > 1 ? [`<h1>${escapeHtml(names[index] ?? "")}</h1>`] : []),
      ...partSections(part, options),
    ]),
    `</main><script>${reportScript}</script></body></html>`,
    "",
  ].join("\n");
}

function partSections({ summary, grids }: HtmlPart, options: ReportOptions): readonly string[] {
  const compared = summary.common ?? summary;
  const tables = reportTables(summary, options).map(section);
  // The long tables of costs and of published numbers come after what everyone looks at.
  const count = mainTables(summary).length;
  const facts = runFacts(summary).map(
    ([name, value]) =>
      `<dt>${escapeHtml(name)}</dt><dd>${name === "command" ? `<code>${escapeHtml(value)}</code>` : escapeHtml(value)}</dd>`,
  );
  const notes = options.comparePaper ? protocolNotes(summary) : [];
  return [
    ...tables.slice(0, count),
    ...curveSection(compared),
    ...scatterSection(compared),
    ...grids.map(gridSection),
    ...tables.slice(count),
    ...(notes.length > 0
      ? [
          `<section><h2>Differences in protocol</h2><ul>${notes
            .map((note) => `<li>${escapeHtml(note)}</li>`)
            .join("")}</ul></section>`,
        ]
      : []),
    failureSection(summary),
    `<section><h2>How this was made</h2><dl>${facts.join("")}</dl></section>`,
  ];
}

function section(table: ReportTable): string {
  return `<section><h2>${escapeHtml(table.title)}</h2>${tableHtml(table)}<p>${escapeHtml(table.caption)}</p></section>`;
}

function tableHtml({ title, groups, columns, rows }: ReportTable): string {
  const isNumber = columns.map((_, index) => rows.some((row) => row[index]?.isNumber === true));
  const groupRow = groups.map(({ label, span }) =>
    label === ""
      ? `<td colspan="${span}"></td>`
      : `<th scope="colgroup" colspan="${span}">${escapeHtml(label)}</th>`,
  );
  const head = columns.map(
    (column, index) =>
      `<th scope="col"${isNumber[index] === true ? ' class="number"' : ""}>${escapeHtml(column)}</th>`,
  );
  const cell = ({ text, isBest, isNumber: right, note }: TableCell, index: number): string => {
    if (index === 0) return `<th scope="row">${escapeHtml(text)}</th>`;
    const classes = [right === true ? "number" : "", isBest === true ? "best" : ""]
      .filter((name) => name !== "")
      .join(" ");
    return `<td${classes === "" ? "" : ` class="${classes}"`}>${escapeHtml(text)}${note === undefined ? "" : `<small>${escapeHtml(note)}</small>`}</td>`;
  };
  return (
    `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(title)}"><table><thead>` +
    `${groups.length > 0 ? `<tr>${groupRow.join("")}</tr>` : ""}<tr>${head.join("")}</tr></thead>` +
    `<tbody>${rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("")}</tbody></table></div>`
  );
}

function curveSection(summary: Summary): readonly string[] {
  const charts = curveCharts(summary).map(figure);
  if (charts.length === 0) return [];
  return [
    `<section><h2>Mean curves</h2><p>Bands are 95 % intervals of the mean at each step. ${curveImages(summary)}</p>${legend(summary.rows)}<div class="charts">${charts.join("")}</div></section>`,
  ];
}

function scatterSection(summary: Summary): readonly string[] {
  const charts = costCharts(summary).map(figure);
  return charts.length === 0
    ? []
    : [`<section><h2>Cost against quality</h2><div class="charts">${charts.join("")}</div></section>`];
}

function figure({ title, svg }: ReportChart): string {
  return `<figure><h3>${escapeHtml(title)}</h3>${svg}</figure>`;
}

function gridSection({ model, metric, reference, rows }: ReportGrid): string {
  const picture = ({ dataUrl, alt }: GridPicture): string =>
    `<button type="button"><img src="${dataUrl}" alt="${escapeHtml(alt)}" loading="lazy"></button>`;
  const lines = rows.map(({ rank, image, photograph, maps }) => {
    const cells = maps.map(
      ({ row, score, picture: map }) =>
        `<figure>${map === undefined ? "" : picture(map)}<figcaption>${escapeHtml(row)}${score === undefined ? "" : ` ${score.toFixed(3)}`}</figcaption></figure>`,
    );
    return `<h3>${escapeHtml(rank)}: ${escapeHtml(image)}</h3><div class="pictures"><figure>${picture(photograph)}<figcaption>photograph</figcaption></figure>${cells.join("")}</div>`;
  });
  return `<section><h2>Examples, ${escapeHtml(model)}</h2><p>The best, median and worst images by ${escapeHtml(metric)} of ${escapeHtml(reference)}; under each map its own ${escapeHtml(metric)}. Click to enlarge.</p>${lines.join("")}</section>`;
}

function failureSection({ failures }: Summary): string {
  if (failures.length === 0) return "<section><h2>Failures</h2><p>None.</p></section>";
  const shown = failures.slice(0, maxFailures).map(({ image, model, row, code, message }) => {
    const place = [image, model, row].filter((part) => part !== undefined).join(", ");
    return `<li>${escapeHtml(place)}: ${escapeHtml(code)}: ${escapeHtml(message)}</li>`;
  });
  const more =
    failures.length > maxFailures
      ? `<p>${failures.length - maxFailures} more are in the JSON report.</p>`
      : "";
  return `<section><h2>Failures</h2><ul class="failures">${shown.join("")}</ul>${more}</section>`;
}
