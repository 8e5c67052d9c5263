import { mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { assertNever } from "../../errors.ts";
import { openDataset } from "../../datasets/open-dataset-node.ts";
import { joinRuns } from "../join-runs.ts";
import { summarizeRuns, type Summary } from "../summary.ts";
import { loadConfiguredModel } from "../load-configured-model.ts";
import { writeWhole } from "../run-folder.ts";
import { toHtml, type ReportGrid } from "./html.ts";
import { imageGrid } from "./image-grid.ts";
import { chartFile } from "./chart-file.ts";
import { costCharts, curveCharts } from "./report-charts.ts";
import { toCsv, toJson, toLatex, toMarkdown, type ChartFile, type ReportOptions } from "./text-formats.ts";

export const reportFormats = ["html", "md", "csv", "json", "tex"] as const;
export type ReportFormat = (typeof reportFormats)[number];

export interface WriteReportOptions extends ReportOptions {
  readonly formats: readonly ReportFormat[];
  /** Path of the report without its ending. Default: `report` in the folder of the first run. */
  readonly out?: string;
  /** Told what was left out, and why. */
  readonly onNote?: (note: string) => void;
}

/**
 * Writes `OUT.FORMAT` for each format; returns the paths. Runs that differ in methods and number of images only share
 * their tables; others are parts of the report, one after the other. Beside Markdown, the charts are files in a folder `OUT`.
 */
export async function writeReport(
  folders: readonly string[],
  options: WriteReportOptions,
): Promise<readonly string[]> {
  const summaries: Summary[] = [];
  for (const joined of joinRuns(folders, options.onNote)) summaries.push(await summarizeRuns(joined));
  const out = options.out ?? join(folders[0] ?? ".", "report");
  mkdirSync(dirname(out), { recursive: true });
  const paths: string[] = [];
  for (const format of options.formats) {
    const path = `${out}.${format}`;
    writeWhole(path, await render(out, summaries, format, options));
    paths.push(path);
  }
  return paths;
}

async function render(
  out: string,
  summaries: readonly Summary[],
  format: ReportFormat,
  options: WriteReportOptions,
): Promise<string> {
  switch (format) {
    case "html": {
      const parts = [];
      for (const summary of summaries) parts.push({ summary, grids: await grids(summary, options.onNote) });
      return toHtml(parts, options);
    }
    case "md":
      return toMarkdown(summaries, options, writeCharts(out, summaries));
    case "csv":
      return toCsv(summaries);
    case "json":
      return toJson(summaries);
    case "tex":
      return toLatex(summaries, options);
    default:
      return assertNever(format);
  }
}

/** Writes the charts of each part into the folder `out`; the paths go from the page beside it. */
function writeCharts(out: string, summaries: readonly Summary[]): readonly (readonly ChartFile[])[] {
  mkdirSync(out, { recursive: true });
  return summaries.map((summary, part) => {
    const compared = summary.common ?? summary;
    return [...curveCharts(compared), ...costCharts(compared)].map((chart) => {
      const id = `${summaries.length > 1 ? `${part + 1}-` : ""}${chart.id}`.replace(/[^\w.+-]+/g, "-");
      writeWhole(join(out, `${id}.svg`), chartFile(chart));
      return { title: chart.title, path: `${basename(out)}/${id}.svg` };
    });
  });
}

/** Grids of every model, where maps were saved and data set and models are still there. */
async function grids(
  summary: Summary,
  onNote: ((note: string) => void) | undefined,
): Promise<readonly ReportGrid[]> {
  const { configuration, folders } = summary;
  const metric = (summary.metrics.find(({ label }) => label === "over-all") ?? summary.metrics[0])?.label;
  const reference = summary.rows.find((row) => row === "sigcam") ?? summary.rows[0];
  if (!configuration.saveMaps || metric === undefined || reference === undefined) return [];
  const found: ReportGrid[] = [];
  try {
    const dataset = openDataset(configuration.dataset, configuration.seed);
    for (const configured of configuration.models) {
      const { name } = configured;
      const model = await loadConfiguredModel(configured);
      await model.close();
      const { channels, height, width } = model;
      const sources = { folders, dataset, preprocess: model.preprocess, size: { channels, height, width } };
      const rows = await imageGrid(summary.common ?? summary, name, metric, reference, sources);
      if (rows.length > 0) found.push({ model: name, metric, reference, rows });
    }
  } catch (error) {
    onNote?.(`Examples are left out: ${error instanceof Error ? error.message : String(error)}`);
  }
  return found;
}
