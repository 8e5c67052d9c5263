import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseCocoInstances, rasterize, type Segmentation } from "./coco.ts";

const category = (id: number, name: string) => ({ id, name });
const object = (id: number, image_id: number, category_id: number, segmentation: unknown, iscrowd = 0) => ({
  id,
  image_id,
  category_id,
  segmentation,
  iscrowd,
});
const square = [[1, 1, 4, 1, 4, 4, 1, 4]];
const file = (annotations: readonly object[]): string =>
  JSON.stringify({
    images: [
      { id: 9, file_name: "b.jpg", height: 6, width: 6 },
      { id: 7, file_name: "a.jpg", height: 6, width: 6 },
      { id: 8, file_name: "c.jpg", height: 6, width: 6 },
    ],
    annotations,
    categories: [category(90, "toothbrush"), category(1, "person"), category(13, "stop sign")],
  });
const count = (mask: Uint8Array): number => mask.reduce((sum, value) => sum + value, 0);

describe("COCO instances", () => {
  it("number categories by the rank of their ids and sort images by name", () => {
    const { categories, images } = parseCocoInstances(
      file([object(1, 9, 90, square), object(2, 7, 13, square)]),
      "x.json",
    );
    expect(categories).toEqual(["person", "stop sign", "toothbrush"]);
    expect(images.map((image) => [image.fileName, image.annotations[0]?.categoryIndex])).toEqual([
      ["a.jpg", 1],
      ["b.jpg", 2],
    ]);
  });

  it("unite the objects of a category, crowds included unless told otherwise", () => {
    const crowd = { counts: [0, 6, 30], size: [6, 6] };
    const text = file([object(1, 9, 1, square), object(2, 9, 1, crowd, 1)]);
    const withCrowd = parseCocoInstances(text, "x.json").images[0]?.annotations[0]?.region().mask;
    const without = parseCocoInstances(text, "x.json", { crowds: false }).images[0]?.annotations[0]?.region()
      .mask;
    expect(count(withCrowd ?? new Uint8Array())).toBe(15);
    expect(count(without ?? new Uint8Array())).toBe(9);
  });

  it("read compressed run lengths, and decide by form, not by iscrowd", () => {
    expect(count(rasterize({ counts: "733000;", size: [6, 6] }, 6, 6))).toBe(9);
    expect(count(rasterize({ counts: [7, 3, 3, 3, 3, 3, 14], size: [6, 6] }, 6, 6))).toBe(9);
  });

  it("ignore polygons of fewer than three points", () => {
    expect(count(rasterize([[1, 1, 4, 4]], 6, 6))).toBe(0);
    expect(count(rasterize([], 6, 6))).toBe(0);
  });

  it("name the field that does not fit", () => {
    expect(() => parseCocoInstances("{}", "x.json")).toThrow(/x.json: .*images does not fit/);
    expect(() => parseCocoInstances("nonsense", "x.json")).toThrow(/no JSON/);
    expect(() => parseCocoInstances(file([object(1, 9, 12, square)]), "x.json")).toThrow(/category_id 12/);
    expect(() => rasterize({ counts: [36], size: [5, 6] }, 6, 6)).toThrow(/6 x 6, got 6 x 5/);
  });
});

const official = "../shared/data/coco/annotations/instances_val2017.json";

describe.skipIf(!existsSync(official))("official annotations", () => {
  interface Published {
    readonly images: readonly { readonly id: number; readonly width: number; readonly height: number }[];
    readonly annotations: readonly {
      readonly id: number;
      readonly image_id: number;
      readonly segmentation: Segmentation;
    }[];
  }
  it.each([
    [82445, 1482],
    [119568, 54088],
    [200887, 17418],
    [693231, 128],
    [489768, 8363],
    [1437313, 611],
    [900100087038, 6125],
    [900100296649, 1004],
  ])("annotation %i has %i pixels", (id, pixels) => {
    const { images, annotations } = JSON.parse(readFileSync(official, "utf8")) as Published;
    const found = annotations.find((annotation) => annotation.id === id);
    const image = images.find((candidate) => candidate.id === found?.image_id);
    expect(count(rasterize(found?.segmentation ?? [], image?.width ?? 0, image?.height ?? 0))).toBe(pixels);
  });

  it("parse as a whole", () => {
    const { categories, images } = parseCocoInstances(readFileSync(official, "utf8"), official);
    expect([categories[0], categories[79], categories.length]).toEqual(["person", "toothbrush", 80]);
    expect(images.length).toBeGreaterThan(40);
  });
});
