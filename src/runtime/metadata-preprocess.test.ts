import { describe, expect, it } from "vitest";
import { toInputSpace } from "../image/normalize.ts";
import { metadataLabels, metadataPreprocess } from "./metadata-preprocess.ts";

describe("metadataPreprocess", () => {
  it.each([
    ["NominalRange_0_255", 0, 255],
    ["Normalized_0_1", 0, 1],
    ["Normalized_1_1", -1, 1],
    ["NominalRange_16_235", 16, 235],
  ])("reads the pixel range %s of Custom Vision", (range, black, white) => {
    const found = metadataPreprocess(
      new Map([
        ["Image.BitmapPixelFormat", "Bgr8"],
        ["Image.NominalPixelRange", range],
      ]),
    );
    const { normalization, resize } = found!.preprocess;
    expect(normalization.channelOrder).toBe("BGR");
    expect(toInputSpace(normalization, 0, 0)).toBeCloseTo(black, 4);
    expect(toInputSpace(normalization, 2, 1)).toBeCloseTo(white, 4);
    expect(resize).toMatchObject({ mode: "crop", cropFraction: 0.875 });
    expect(found?.source).toBe(
      `metadata of the file: Image.BitmapPixelFormat Bgr8, Image.NominalPixelRange ${range}`,
    );
  });

  it("reads grey and red-first formats, and the range that goes without saying", () => {
    const of = (format: string) => metadataPreprocess(new Map([["Image.BitmapPixelFormat", format]]));
    expect(of("Gray8")?.preprocess.normalization).toEqual({
      mean: [0],
      std: [1 / 255],
      channelOrder: "gray",
    });
    expect(of("Rgb8")?.preprocess.normalization.channelOrder).toBe("RGB");
  });

  it("knows how Ultralytics feeds its classifiers", () => {
    const found = metadataPreprocess(
      new Map([
        ["task", "classify"],
        ["names", "{0: 'a', 1: 'b'}"],
        ["imgsz", "[160, 160]"],
      ]),
    );
    expect(found?.preprocess).toEqual({
      resize: { mode: "crop", filter: "bilinear", antialias: true, cropFraction: 1, size: 160 },
      normalization: { mean: [0, 0, 0], std: [1, 1, 1], channelOrder: "RGB" },
    });
  });

  it("knows how Ultralytics feeds gray and oblong images", () => {
    const of = (imgsz: string, channels: string) =>
      metadataPreprocess(
        new Map([
          ["task", "classify"],
          ["names", "{0: 'a', 1: 'b'}"],
          ["imgsz", imgsz],
          ["channels", channels],
        ]),
      )?.preprocess;
    expect(of("[64, 64]", "1")?.normalization).toEqual({ mean: [0], std: [1], channelOrder: "gray" });
    expect(of("[64, 64]", "3")?.normalization.channelOrder).toBe("RGB");
    expect(of("[64, 96]", "3")?.resize).toMatchObject({ mode: "stretch", size: [64, 96] });
  });

  it("makes nothing of other metadata", () => {
    expect(
      metadataPreprocess(
        new Map([
          ["task", "detect"],
          ["names", "{0: 'a'}"],
        ]),
      ),
    ).toBeUndefined();
    expect(metadataPreprocess(new Map([["Image.NominalPixelRange", "unheard of"]]))).toBeUndefined();
  });
});

describe("metadataLabels", () => {
  const labels = (names: string) => metadataLabels(new Map([["names", names]]));

  it("reads a Python dictionary, quotes and all", () => {
    expect(labels(`{0: 'tench, Tinca tinca', 1: "carpenter's kit", 2: 'it\\'s'}`)).toEqual([
      "tench, Tinca tinca",
      "carpenter's kit",
      "it's",
    ]);
  });

  it("fills gaps", () => {
    expect(labels("{0: 'a', 2: 'c'}")).toEqual(["a", "class 1", "c"]);
  });

  it("takes nothing from text that is no such dictionary", () => {
    for (const text of ["", "cat,dog", "{}", "{0: print('x')}", "{'a': 'b'}"])
      expect(labels(text)).toBeUndefined();
    expect(metadataLabels(new Map())).toBeUndefined();
  });
});
