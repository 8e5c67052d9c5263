import { z } from "zod";
import { DataError } from "../errors.ts";
import type { Annotation, Region } from "./dataset.ts";
import { polygonRuns } from "./polygon.ts";
import { decodeRuns, parseCompressedCounts } from "./rle.ts";

const segmentation = z.union([
  z.array(z.array(z.number())),
  z.object({
    counts: z.union([z.array(z.int().min(0)), z.string()]),
    size: z.tuple([z.int().min(1), z.int().min(1)]),
  }),
]);

const instances = z.object({
  images: z.array(
    z.object({ id: z.int(), file_name: z.string(), height: z.int().min(1), width: z.int().min(1) }),
  ),
  annotations: z.array(
    z.object({
      id: z.int(),
      image_id: z.int(),
      category_id: z.int(),
      segmentation: segmentation.optional(),
      iscrowd: z.union([z.literal(0), z.literal(1)]).default(0),
    }),
  ),
  categories: z.array(z.object({ id: z.int(), name: z.string() })).min(1),
});

/** How a COCO file describes the pixels of one object: polygons, or run lengths with counts as numbers or as text. */
export type Segmentation = z.output<typeof segmentation>;

export interface CocoImage {
  readonly id: number;
  readonly fileName: string;
  readonly width: number;
  readonly height: number;
  /** One a category that occurs, by category index; its region is the union of all objects. */
  readonly annotations: readonly Annotation[];
}

export interface CocoInstances {
  /** Names by category index: the rank of the category's id, since ids have gaps. */
  readonly categories: readonly string[];
  /** Images with at least one annotation, by file name. */
  readonly images: readonly CocoImage[];
}

export interface CocoOptions {
  /** True (default): regions of groups (`iscrowd`) belong to their category. */
  readonly crowds?: boolean;
}

/**
 * Reads COCO's instances file. Masks are rasterised when an annotation's region is asked for.
 * @param name What error messages call the file.
 * @throws DataError if it is no such file.
 */
export function parseCocoInstances(
  text: string,
  name: string,
  { crowds = true }: CocoOptions = {},
): CocoInstances {
  const file = readFile(text, name);
  const categories = [...file.categories].sort((a, b) => a.id - b.id);
  const indexOf = new Map(categories.map(({ id }, index) => [id, index]));
  const objects = new Map<number, Map<number, Segmentation[]>>();
  for (const annotation of file.annotations) {
    const category = indexOf.get(annotation.category_id);
    if (category === undefined) {
      throw new DataError(
        `${name}: annotation ${annotation.id} has category_id ${annotation.category_id}, which is not among the ${categories.length} categories.`,
      );
    }
    if ((!crowds && annotation.iscrowd === 1) || annotation.segmentation === undefined) continue;
    const ofImage = objects.get(annotation.image_id) ?? new Map<number, Segmentation[]>();
    objects.set(annotation.image_id, ofImage);
    ofImage.set(category, [...(ofImage.get(category) ?? []), annotation.segmentation]);
  }
  const images = file.images
    .filter(({ id }) => objects.has(id))
    .sort((a, b) => (a.file_name < b.file_name ? -1 : a.file_name > b.file_name ? 1 : a.id - b.id))
    .map(({ id, file_name: fileName, width, height }): CocoImage => ({
      id,
      fileName,
      width,
      height,
      annotations: [...(objects.get(id) ?? [])]
        .sort(([a], [b]) => a - b)
        .map(([categoryIndex, parts]): Annotation => ({
          category: categories[categoryIndex]?.name ?? "",
          categoryIndex,
          region: () => unionOf(parts, width, height),
        })),
    }));
  return { categories: categories.map((category) => category.name), images };
}

function readFile(text: string, name: string): z.output<typeof instances> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DataError(
      `${name}: expected COCO's instances JSON, got text that is no JSON (${String(error)}).`,
    );
  }
  const result = instances.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new DataError(
    `${name}: expected COCO's instances JSON (images, annotations, categories), got a file in which ` +
      `${issue?.path.join(".") || "the top level"} does not fit: ${issue?.message ?? "unknown"}. Use instances_*.json.`,
  );
}

/** The pixels of one object, row-major. */
export function rasterize(object: Segmentation, width: number, height: number): Uint8Array {
  if (Array.isArray(object)) {
    const mask = new Uint8Array(width * height);
    for (const polygon of object) {
      // Fewer than three points enclose nothing.
      if (polygon.length < 6) continue;
      unite(mask, decodeRuns(polygonRuns(polygon, height, width)));
    }
    return mask;
  }
  const [rows, columns] = object.size;
  if (rows !== height || columns !== width) {
    throw new DataError(
      `segmentation: expected run lengths for an image of ${width} x ${height}, got ${columns} x ${rows}.`,
    );
  }
  const counts = typeof object.counts === "string" ? parseCompressedCounts(object.counts) : object.counts;
  return decodeRuns({ counts, height, width });
}

function unionOf(parts: readonly Segmentation[], width: number, height: number): Region {
  const mask = new Uint8Array(width * height);
  for (const part of parts) unite(mask, rasterize(part, width, height));
  return { width, height, mask };
}

function unite(mask: Uint8Array, other: Uint8Array): void {
  for (let index = 0; index < mask.length; index++) if (other[index] === 1) mask[index] = 1;
}
