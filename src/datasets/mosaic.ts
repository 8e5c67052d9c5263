import type { DecodedImage } from "../image/decoded-image.ts";
import { resize } from "../image/resize.ts";
import { randomStream } from "../random/random-stream.ts";
import { indexedDataset, type Dataset, type DatasetItem } from "./dataset.ts";

export interface MosaicOptions {
  /** Cells a side. Default 2. */
  readonly cells?: number;
  /** Side of the mosaic in pixels. Default 448: twice a usual input, so that nothing is lost before the network's own resize. */
  readonly size?: number;
  readonly seed?: number;
}

/**
 * Mosaics of photographs of different classes, for the grid pointing game: localisation without annotations. Each mosaic
 * takes its cells from a seeded shuffle of the data set; every cell is an annotation with the cell as its region.
 * There are `length / cells^2` mosaics; cells whose class already occurs in the mosaic show but are not annotated.
 */
export function mosaic(source: Dataset, options: MosaicOptions = {}): Dataset {
  const { cells = 2, size = 448, seed = 0 } = options;
  const order = shuffled(source.length, seed);
  const cellCount = cells * cells;
  return indexedDataset({
    kind: "mosaic",
    length: Math.floor(source.length / cellCount),
    ...(source.classes === undefined ? {} : { classes: source.classes }),
    item(index) {
      const members = order
        .slice(index * cellCount, (index + 1) * cellCount)
        .map((member) => source.item(member));
      return mosaicItem(members, cells, size, source.classes ?? []);
    },
  });
}

function mosaicItem(
  members: readonly DatasetItem[],
  cells: number,
  size: number,
  classes: readonly string[],
): DatasetItem {
  const annotations = members.flatMap(({ label }, cell) => {
    const isUnique = label !== undefined && members.filter((other) => other.label === label).length === 1;
    if (!isUnique) return [];
    return [
      {
        category: classes[label] ?? String(label),
        categoryIndex: label,
        region: () => cellRegion(cell, cells, size),
      },
    ];
  });
  return {
    key: members.map((member) => member.key).join("+"),
    annotations,
    async load() {
      const images: DecodedImage[] = [];
      for (const member of members) images.push(await member.load());
      return compose(images, cells, size);
    },
  };
}

function cellRegion(cell: number, cells: number, size: number) {
  const mask = new Uint8Array(size * size);
  const [left, right] = edges(cell % cells, cells, size);
  const [top, bottom] = edges(Math.floor(cell / cells), cells, size);
  for (let y = top; y < bottom; y++) mask.fill(1, y * size + left, y * size + right);
  return { width: size, height: size, mask };
}

function compose(images: readonly DecodedImage[], cells: number, size: number): DecodedImage {
  const data = new Uint8Array(size * size * 3);
  images.forEach((image, cell) => {
    const [left, right] = edges(cell % cells, cells, size);
    const [top, bottom] = edges(Math.floor(cell / cells), cells, size);
    const tile = resize(image, right - left, bottom - top, { filter: "bilinear", antialias: true });
    for (let y = 0; y < tile.height; y++) {
      for (let offset = 0; offset < tile.width * 3; offset++) {
        const value = (tile.data[y * tile.width * 3 + offset] ?? 0) * (255 / image.white);
        data[((top + y) * size + left) * 3 + offset] = Math.round(Math.min(255, Math.max(0, value)));
      }
    }
  });
  return { width: size, height: size, channels: 3, data, white: 255 };
}

function edges(position: number, cells: number, size: number): readonly [number, number] {
  return [Math.round((position * size) / cells), Math.round(((position + 1) * size) / cells)];
}

/** A seeded permutation of 0 .. length - 1. */
export function shuffled(length: number, seed: number): readonly number[] {
  const random = randomStream(seed, "shuffle");
  const order = Array.from({ length }, (_, index) => index);
  for (let index = length - 1; index > 0; index--) {
    const other = random.integer(index + 1);
    [order[index], order[other]] = [order[other] ?? 0, order[index] ?? 0];
  }
  return order;
}
