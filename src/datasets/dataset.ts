import type { DecodedImage } from "../image/decoded-image.ts";

/** A marked object class of a photograph. */
export interface Annotation {
  /** Name of the class, as the data set spells it. */
  readonly category: string;
  /** Position of the class among the data set's classes. */
  readonly categoryIndex: number;
  /** The pixels of the class: row-major, 1 inside. Made when asked for. */
  region(): Region;
}

/** A set of pixels of a photograph. */
export interface Region {
  readonly width: number;
  readonly height: number;
  /** Row-major, 1 inside. */
  readonly mask: Uint8Array;
}

export interface DatasetItem {
  /** Names the image in records; the same on every machine: a path relative to the data set, with `/`. */
  readonly key: string;
  /** Where the image is, for reports; absent for images that are composed. */
  readonly path?: string;
  /** Class index in the data set's own order, where there is one class an image. */
  readonly label?: number;
  /** Classes with their regions, where the data set has them. */
  readonly annotations?: readonly Annotation[];
  /** Decodes the photograph. @throws DataError if it is unreadable. */
  load(): Promise<DecodedImage>;
}

/**
 * Images in a stable order. Only names are held in memory; photographs are decoded when an item is loaded. A shard is the
 * items with `index % shardCount === shard`.
 */
export interface Dataset extends AsyncIterable<DatasetItem> {
  /** `imagenet`, `folder`, `coco`, `mosaic`. */
  readonly kind: string;
  readonly length: number;
  /** Names of the classes that labels and `categoryIndex` count; absent if images have none. */
  readonly classes?: readonly string[];
  item(index: number): DatasetItem;
}

/** A data set from a length and a function. */
export function indexedDataset(facts: {
  readonly kind: string;
  readonly length: number;
  readonly classes?: readonly string[];
  readonly item: (index: number) => DatasetItem;
}): Dataset {
  return {
    ...facts,
    async *[Symbol.asyncIterator]() {
      for (let index = 0; index < facts.length; index++) yield facts.item(index);
    },
  };
}
