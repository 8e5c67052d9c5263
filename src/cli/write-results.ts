import pc from "picocolors";
import { drawingToImage, drawingToSvg } from "../image/drawing.ts";
import { spatialDims } from "../image/extent.ts";
import { encodeImage } from "../image/encode-node.ts";
import { lossChart } from "../methods/perturbation/loss-chart.ts";
import { writeNpy } from "../tensor/npy.ts";
import type { ExplainRun } from "./explain-run.ts";
import { pictureStyle, type ExplainedTarget, type WatchedExplanation } from "./explain-target.ts";
import { drawExplanations } from "./explanation-picture.ts";
import { completeRecord, summarize, type ResultFiles } from "./explanation-record.ts";
import type { OutputDirectory } from "./output-directory.ts";
import { outputName } from "./output-names.ts";

/** Writes picture, maps, records and loss histories of one class of one image, and says so. */
export async function writeResults(
  run: ExplainRun,
  { image, stem, loaded, target }: ExplainedTarget,
  explanations: readonly WatchedExplanation[],
): Promise<void> {
  const { directory, context, output, progress } = run;
  const picture = drawExplanations(loaded, explanations, pictureStyle(run.request));
  const png = await encodeImage(picture, "png");
  progress.clear();
  if (directory === undefined) {
    process.stdout.write(png);
    return;
  }
  const methods = explanations.map(({ record }) => record.method);
  const picturePath = await directory.write(`${outputName(stem, methods, target)}.png`, png);
  const extras: string[] = [];
  for (const explanation of explanations) {
    const { map, record, film } = explanation;
    const name = outputName(stem, [record.method], target);
    const mapPath = await directory.write(
      `${name}.npy`,
      writeNpy({ type: "float32", dims: spatialDims(map), data: map.values }),
    );
    const plot = run.request.plot === true ? await writePlot(run, directory, name, explanation) : undefined;
    const files = {
      picture: picturePath,
      map: mapPath,
      record: `${mapPath.slice(0, -".npy".length)}.json`,
      ...film,
      ...(plot !== undefined && { plot }),
    };
    const complete = completeRecord(run.model, image, record, files, loaded.isArray);
    await directory.write(`${name}.json`, `${JSON.stringify(complete, undefined, 2)}\n`);
    if (output.json) context.print(JSON.stringify(complete));
    extras.push(...[film?.animation, plot?.svg].filter((path) => path !== undefined));
  }
  if (output.json || output.quiet) return;
  const records = explanations.map(({ record }) => record);
  for (const line of summarize(image, records, picturePath)) context.print(line);
  for (const path of extras) context.print(`  ${pc.dim("wrote")} ${path}`);
}

/** The loss history beside the picture, as SVG and PNG; `undefined` for methods that have none. */
async function writePlot(
  { context, output }: ExplainRun,
  directory: OutputDirectory,
  name: string,
  { method, record }: WatchedExplanation,
): Promise<ResultFiles["plot"]> {
  const { label, index } = record.target;
  const chart = lossChart(record.details, `${method.title}: ${label ?? `class ${index}`}`);
  if (chart === undefined) {
    if (!output.quiet) context.note(`--plot: ${record.method} has no loss history.`);
    return undefined;
  }
  return {
    svg: await directory.write(`${name}.loss.svg`, drawingToSvg(chart)),
    png: await directory.write(`${name}.loss.png`, await encodeImage(drawingToImage(chart), "png")),
  };
}
