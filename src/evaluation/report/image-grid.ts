import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Dataset } from "../../datasets/dataset.ts";
import { toRgba } from "../../image/decoded-image.ts";
import { encodeImage } from "../../image/encode-node.ts";
import { renderOverlay, renderView } from "../../image/overlay.ts";
import { preprocess, type Preprocess } from "../../image/preprocess.ts";
import { resize } from "../../image/resize.ts";
import type { RgbaImage } from "../../image/rgba-image.ts";
import { readSavedMap } from "../saved-map.ts";
import { savedMapFile } from "../run.ts";
import { cellKey, type ScoredMap, type Summary } from "../summary.ts";

/** A picture with its data inside. */
export interface GridPicture {
  readonly dataUrl: string;
  readonly alt: string;
}

/** An image with the map of every row. */
export interface GridRow {
  /** Why it was chosen: `best`, `median`, `worst`. */
  readonly rank: string;
  readonly image: string;
  readonly photograph: GridPicture;
  readonly maps: readonly {
    readonly row: string;
    readonly score: number | undefined;
    readonly picture: GridPicture | undefined;
  }[];
}

/** How photographs and maps are found. */
export interface GridSources {
  /** Of the runs: each may have saved maps of other rows. */
  readonly folders: readonly string[];
  readonly dataset: Dataset;
  readonly preprocess: Preprocess;
  readonly size: { readonly channels: number; readonly height: number; readonly width: number };
}

/** Pictures are drawn at this size: sharp when enlarged, small in the file. */
const pictureSize = 320;

/**
 * Examples of a run for one model, as in the paper's figures 3 and 5: the best, the median and the worst images by a
 * metric of a reference row, two of each, with the maps of all rows. Only maps that the run saved can be shown.
 */
export async function imageGrid(
  summary: Summary,
  model: string,
  metric: string,
  reference: string,
  sources: GridSources,
): Promise<readonly GridRow[]> {
  const isHigherBetter = summary.metrics.find(({ label }) => label === metric)?.metric.direction === "higher";
  const scored = [...(summary.scores.get(cellKey(model, reference, metric)) ?? [])].sort(
    (a, b) => (isHigherBetter ? b.score - a.score : a.score - b.score) || (a.image < b.image ? -1 : 1),
  );
  const rows: GridRow[] = [];
  for (const { rank, item } of chosen(scored)) {
    const row = await gridRow(summary, model, metric, rank, item, sources);
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

function chosen(
  scored: readonly ScoredMap[],
): readonly { readonly rank: string; readonly item: ScoredMap }[] {
  const middle = Math.floor(scored.length / 2);
  const positions = new Map<number, string>();
  const candidates = [
    ["best", 0],
    ["best", 1],
    ["median", middle],
    ["median", middle + 1],
    ["worst", scored.length - 2],
    ["worst", scored.length - 1],
  ] as const;
  for (const [rank, position] of candidates) {
    if (position >= 0 && position < scored.length && !positions.has(position)) positions.set(position, rank);
  }
  return [...positions].flatMap(([position, rank]) => {
    const item = scored[position];
    return item === undefined ? [] : [{ rank, item }];
  });
}

async function gridRow(
  summary: Summary,
  model: string,
  metric: string,
  rank: string,
  item: ScoredMap,
  { folders, dataset, preprocess: description, size }: GridSources,
): Promise<GridRow | undefined> {
  const paths = summary.rows.map((row) => {
    const file = savedMapFile({ model, row, image: item.image, target: item.target });
    return { row, path: folders.map((folder) => join(folder, file)).find(existsSync) };
  });
  if (paths.every(({ path }) => path === undefined)) return undefined;
  const source = await findItem(dataset, item.image);
  if (source === undefined) return undefined;
  const decoded = await source.load();
  const { placement } = preprocess(decoded, description, size);
  const photo = shrunk(toRgba(decoded));
  const maps = [];
  for (const { row, path } of paths) {
    const score = summary.scores
      .get(cellKey(model, row, metric))
      ?.find(({ image, target }) => image === item.image && target.index === item.target.index)?.score;
    const picture =
      path !== undefined
        ? {
            dataUrl: await dataUrl(renderOverlay(photo, await readSavedMap(path, size), { placement })),
            alt: `${row} on ${item.image}, ${metric} ${score === undefined ? "not defined" : score.toPrecision(3)}`,
          }
        : undefined;
    maps.push({ row, score, picture });
  }
  return {
    rank,
    image: item.image,
    photograph: { dataUrl: await dataUrl(renderView(photo, placement)), alt: `Photograph ${item.image}` },
    maps,
  };
}

async function findItem(dataset: Dataset, key: string) {
  for await (const item of dataset) if (item.key === key) return item;
  return undefined;
}

function shrunk(image: RgbaImage): RgbaImage {
  const scale = pictureSize / Math.max(image.width, image.height);
  if (scale >= 1) return image;
  const [width, height] = [
    Math.max(1, Math.round(image.width * scale)),
    Math.max(1, Math.round(image.height * scale)),
  ];
  const { data } = resize(
    { width: image.width, height: image.height, channels: 4, data: image.data },
    width,
    height,
    {
      filter: "bilinear",
      antialias: true,
    },
  );
  return { width, height, data: Uint8ClampedArray.from(data) };
}

async function dataUrl(image: RgbaImage): Promise<string> {
  return `data:image/jpeg;base64,${Buffer.from(await encodeImage(image, "jpeg")).toString("base64")}`;
}
