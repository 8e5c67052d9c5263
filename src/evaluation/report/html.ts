import type { Summary } from "../summary.ts";
import { escapeHtml, legend, lineChart, scatterChart, type ChartPoint } from "./chart.ts";
import { reportScript, reportStyle } from "./html-style.ts";
import type { GridPicture, GridRow } from "./image-grid.ts";
import type { ReportTable, TableCell } from "./report-table.ts";
import { protocolNotes, reportTables, runFacts, type ReportOptions } from "./text-formats.ts";

/** Examples of one model. */
export interface ReportGrid {
  readonly model: string;
  readonly metric: string;
  readonly reference: string;
  readonly rows: readonly GridRow[];
}

/** Failures listed on the page; the JSON report has all. */
const maxFailures = 200;

/** The report as one HTML file that needs nothing else: no network, no fonts, no libraries. */
export function toHtml(summary: Summary, options: ReportOptions, grids: readonly ReportGrid[]): string {
  const { run } = summary;
  const title = `Evaluation: ${run.configuration.dataset.split("/").at(-1) ?? ""}`;
  const facts = runFacts(summary).map(
    ([name, value]) =>
      `<dt>${escapeHtml(name)}</dt><dd>${name === "command" ? `<code>${escapeHtml(value)}</code>` : escapeHtml(value)}</dd>`,
  );
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title><style>${reportStyle}</style></head><body>`,
    `<main><h1>${escapeHtml(title)}</h1>`,
    ...reportTables(summary, options).map(section),
    ...curveSections(summary),
    ...scatterSection(summary),
    ...grids.map(gridSection),
    ...(options.comparePaper
      ? [
          `<section><h2>Protocols of the paper's tables</h2><ul>${protocolNotes()
            .map((note) => `<li>${escapeHtml(note)}</li>`)
            .join("")}</ul></section>`,
        ]
      : []),
    failureSection(summary),
    `<section><h2>How this was made</h2><dl>${facts.join("")}</dl></section></main>`,
    `<script>${reportScript}</script></body></html>`,
    "",
  ].join("\n");
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

/** What the axes of a metric's curve mean. */
const curveAxes: Readonly<Record<string, readonly [x: string, y: string]>> = {
  deletion: ["share of pixels removed", "score"],
  insertion: ["share of pixels shown", "score"],
  road: ["share of pixels removed", "probability"],
  "sensitivity-n": ["share of cells removed", "correlation"],
  "sanity-checks": ["blocks drawn anew, from the output", "rank correlation"],
};

/** The mean curves, as in the paper's figure 4. */
function curveSections({ models, metrics, rows, cells }: Summary): readonly string[] {
  const charts = models.flatMap((model) =>
    metrics.flatMap(({ label, metric }) => {
      const lines = rows.flatMap((row) => {
        const curve = cells.find(
          (cell) => cell.model === model && cell.row === row && cell.metric === label,
        )?.curve;
        return [
          {
            label: row,
            x: curve?.x ?? [],
            y: curve?.mean ?? [],
            ...(curve && { low: curve.low, high: curve.high }),
          },
        ];
      });
      if (lines.every((line) => line.x.length === 0)) return [];
      const [xLabel, yLabel] = curveAxes[metric.name] ?? ["", metric.title];
      const title = `${metric.title}, ${model}`;
      return [`<figure><h3>${escapeHtml(title)}</h3>${lineChart(lines, { title, xLabel, yLabel })}</figure>`];
    }),
  );
  if (charts.length === 0) return [];
  return [
    `<section><h2>Mean curves</h2><p>Bands are 95 % intervals of the mean at each step.</p>${legend(rows)}<div class="charts">${charts.join("")}</div></section>`,
  ];
}

/** Cost against quality: seconds a map, and the over-all score or else the first metric. */
function scatterSection({ models, metrics, rows, cells, costs }: Summary): readonly string[] {
  const chosen = metrics.find(({ label }) => label === "over-all") ?? metrics[0];
  if (chosen === undefined) return [];
  const charts = models.flatMap((model) => {
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
    return [
      `<figure><h3>${escapeHtml(model)}</h3>${scatterChart(points, { title, xLabel: "seconds a map", yLabel: `${chosen.metric.title}${chosen.metric.isPercent ? " (%)" : ""}` })}</figure>`,
    ];
  });
  return charts.length === 0
    ? []
    : [`<section><h2>Cost against quality</h2><div class="charts">${charts.join("")}</div></section>`];
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
