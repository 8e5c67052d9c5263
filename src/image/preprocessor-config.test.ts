import { describe, expect, it } from "vitest";
import { DataError } from "../errors.ts";
import { parsePreprocess } from "./preprocess-schema.ts";

const read = (config: object) => parsePreprocess(JSON.stringify(config), "config.json");

describe("readPreprocessorConfig", () => {
  it("reads a vision transformer's: stretched, normalised to -1..1", () => {
    const vit = {
      do_normalize: true,
      do_resize: true,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
      resample: 2,
      size: 224,
    };
    expect(read(vit)).toEqual({
      resize: { mode: "stretch", filter: "bilinear", antialias: true, cropFraction: 1, size: 224 },
      normalization: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], channelOrder: "RGB" },
    });
  });

  it("reads a centre crop from its two sizes, or from crop_pct", () => {
    const deit = {
      do_resize: true,
      do_center_crop: true,
      crop_size: { height: 224, width: 224 },
      size: { shortest_edge: 256 },
      resample: 3,
    };
    expect(read(deit).resize).toEqual({
      mode: "crop",
      filter: "bicubic",
      antialias: true,
      cropFraction: 0.875,
      size: 224,
    });
    const resnet = { do_resize: true, crop_pct: 0.875, size: { shortest_edge: 224 }, resample: 3 };
    expect(read(resnet).resize).toMatchObject({ mode: "crop", cropFraction: 0.875, size: 224 });
    expect(read({ ...resnet, size: { shortest_edge: 384 } }).resize.mode).toBe("stretch");
  });

  it("ignores what is null, as the fast processors write it", () => {
    const fast = { do_resize: true, do_center_crop: null, crop_size: null, size: { height: 32, width: 32 } };
    expect(read(fast).resize).toMatchObject({ mode: "stretch", size: 32 });
  });

  it("keeps both sides of an oblong input", () => {
    expect(read({ do_resize: true, size: { height: 32, width: 48 } }).resize).toMatchObject({
      mode: "stretch",
      size: [32, 48],
    });
  });

  it("reads the crops of LeViT and PoolFormer", () => {
    const cut = {
      do_resize: true,
      do_center_crop: true,
      size: { shortest_edge: 224 },
      crop_size: { height: 224, width: 224 },
    };
    expect(read({ ...cut, image_processor_type: "LevitImageProcessor" }).resize).toMatchObject({
      mode: "crop",
      cropFraction: 0.875,
    });
    expect(read({ ...cut, crop_pct: 0.9 }).resize.cropFraction).toBeCloseTo(0.9, 12);
  });

  it("reads MobileViT's: blue first, not normalised", () => {
    const mobileVit = { do_resize: true, do_flip_channel_order: true, size: { shortest_edge: 288 } };
    expect(read(mobileVit).normalization).toEqual({ mean: [0], std: [1], channelOrder: "BGR" });
  });

  it("reads EfficientNet's: divided by the deviation twice, and its offset", () => {
    const once = { do_normalize: true, image_mean: [0.4, 0.5, 0.6], image_std: [0.5, 0.5, 0.5] };
    const twice = read({ ...once, include_top: true }).normalization;
    expect([twice.mean, twice.std]).toEqual([
      [0.4, 0.5, 0.6],
      [0.25, 0.25, 0.25],
    ]);
    // v / 127.5 - 1, less 0.4, by 0.5.
    const moved = read({ ...once, rescale_factor: 1 / 127.5, rescale_offset: true }).normalization;
    expect(moved.mean[0]).toBeCloseTo(0.7, 12);
    expect(moved.std[0]).toBeCloseTo(0.25, 12);
  });

  it("keeps the units of models that are not fed 0..1", () => {
    const raw = read({ do_rescale: false, do_normalize: false }).normalization;
    // v * 255: (p - 0) / (1 / 255)
    expect([raw.mean[0], raw.std[0]]).toEqual([0, 1 / 255]);
    const wide = read({
      do_normalize: true,
      rescale_factor: 1 / 127.5,
      image_mean: [1, 1, 1],
      image_std: [1, 1, 1],
    }).normalization;
    expect(wide.mean[0]).toBeCloseTo(0.5, 12);
    expect(wide.std[2]).toBeCloseTo(0.5, 12);
  });

  it("reads timm's", () => {
    const config = {
      architecture: "x",
      pretrained_cfg: {
        input_size: [3, 240, 240],
        interpolation: "bicubic",
        crop_pct: 0.95,
        crop_mode: "center",
        mean: [0.5, 0.5, 0.5],
        std: [0.25, 0.25, 0.25],
      },
    };
    expect(read(config)).toEqual({
      resize: { mode: "crop", filter: "bicubic", antialias: true, cropFraction: 0.95, size: 240 },
      normalization: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], channelOrder: "RGB" },
    });
  });

  it("names the field that cannot be read", () => {
    expect(() => read({ do_resize: true, image_mean: "imagenet" })).toThrow(DataError);
    expect(() => read({ do_resize: true, image_mean: "imagenet" })).toThrow(/config\.json: image_mean: /);
  });
});
