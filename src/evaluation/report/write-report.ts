import { join } from "node:path";
import { assertNever } from "../../errors.ts";
import { openDataset } from "../../datasets/open-dataset-node.ts";
import { summarize, type Summary } from "../summary.ts";
import { loadConfiguredModel } from "../load-configured-model.ts";
import { writeWhole } from "../run-folder.ts";
import { toHtml, type ReportGrid } from "./html.ts";
import { imageGrid } from "./image-grid.ts";
import { toCsv, toJson, toLatex, toMarkdown, type ReportOptions } from "./text-formats.ts";

export const reportFormats = ["html", "md", "csv", "json", "tex"] as const;
export type ReportFormat = (typeof reportFormats)[number];

export interface WriteReportOptions extends ReportOptions {
  readonly formats: readonly ReportFormat[];
  /** Told what was left out, and why. */
  readonly onNote?: (note: string) => void;
}

/** Writes `report.FORMAT` into a run's folder, for each format; returns the paths. */
export async function writeReport(folder: string, options: WriteReportOptions): Promise<readonly string[]> {
  const summary = await summarize(folder);
  const paths: string[] = [];
  for (const format of options.formats) {
    const path = join(folder, `report.${format}`);
    writeWhole(path, await render(folder, summary, format, options));
    paths.push(path);
  }
  return paths;
}

async function render(
  folder: string,
  summary: Summary,
  format: ReportFormat,
  options: WriteReportOptions,
): Promise<string> {
  switch (format) {
    case "html":
      return toHtml(summary, options, await grids(folder, summary, options.onNote));
    case "md":
      return toMarkdown(summary, options);
    case "csv":
      return toCsv(summary);
    case "json":
      return toJson(summary);
    case "tex":
      return toLatex(summary, options);
    default:
      return assertNever(format);
  }
}

/** Grids of every model, where maps were saved and data set and models are still there. */
async function grids(
  folder: string,
  summary: Summary,
  onNote: ((note: string) => void) | undefined,
): Promise<readonly ReportGrid[]> {
  const { configuration } = summary.run;
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
      const sources = { folder, dataset, preprocess: model.preprocess, size: { channels, height, width } };
      const rows = await imageGrid(summary, name, metric, reference, sources);
      if (rows.length > 0) found.push({ model: name, metric, reference, rows });
    }
  } catch (error) {
    onNote?.(`Examples are left out: ${error instanceof Error ? error.message : String(error)}`);
  }
  return found;
}
