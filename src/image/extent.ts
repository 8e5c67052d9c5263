/** How far an image, a layer or a map reaches over space. Volumes have a depth (slices), images have none. */
export interface Extent {
  readonly depth?: number | undefined;
  readonly height: number;
  readonly width: number;
}

/** The sizes of the axes of space, slowest first: `[D, H, W]` of a volume, `[H, W]` of an image. */
export function spatialDims({ depth, height, width }: Extent): readonly number[] {
  return depth === undefined ? [height, width] : [depth, height, width];
}

/** How many places there are: pixels of an image, voxels of a volume. */
export function placeCount({ depth = 1, height, width }: Extent): number {
  return depth * height * width;
}

/** The extent alone, without a `depth` where there is none. */
export function extentOf({ depth, height, width }: Extent): {
  depth?: number;
  height: number;
  width: number;
} {
  return depth === undefined ? { height, width } : { depth, height, width };
}

/** True if two extents are the same. */
export function isSameExtent(a: Extent, b: Extent): boolean {
  return a.depth === b.depth && a.height === b.height && a.width === b.width;
}
