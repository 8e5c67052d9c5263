import { describe, expect, it } from "vitest";
import { DataError, ParameterError, ShapeError } from "../errors.ts";
import type { DecodedImage } from "./decoded-image.ts";
import { normalizationPresets, toPixelSpace } from "./normalize.ts";
import { place } from "./placement.ts";
import { preprocess } from "./preprocess.ts";
import { parsePreprocess } from "./preprocess-schema.ts";

function solid(width: number, height: number, color: readonly [number, number, number]): DecodedImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => color[index % 3]!);
  return { width, height, channels: 3, data, white: 255 };
}

/** Red holds the column, green the row. */
function coordinates(width: number, height: number): DecodedImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set([x, y, 0], (y * width + x) * 3);
  return { width, height, channels: 3, data, white: 255 };
}

const size = { channels: 3, height: 4, width: 4 };

describe("place", () => {
  const input = { width: 224, height: 224 };

  it("crops the centre 224 of a short side of 256", () => {
    const { horizontal, vertical, placement } = place({ width: 500, height: 375 }, input, "crop", 0.875);
    expect(vertical).toEqual({ size: 256, offset: 16 });
    // 500 * 256 / 375 = 341.33 -> 341; (341 - 224) / 2 = 58.5 -> 58, half to even.
    expect(horizontal).toEqual({ size: 341, offset: 58 });
    expect(placement.region.top).toBeCloseTo((16 * 375) / 256, 9);
    expect(placement.region.left).toBeCloseTo((58 * 500) / 341, 9);
    expect(placement.region.width).toBeCloseTo((224 * 500) / 341, 9);
  });

  it("crops tall photographs along their height", () => {
    const { horizontal, vertical } = place({ width: 300, height: 900 }, input, "crop", 0.875);
    expect(horizontal).toEqual({ size: 256, offset: 16 });
    expect(vertical).toEqual({ size: 768, offset: 272 });
  });

  it("letterboxes so that the region is larger than the photograph", () => {
    const { vertical, placement } = place({ width: 448, height: 224 }, input, "letterbox", 0.875);
    expect(vertical).toEqual({ size: 112, offset: -56 });
    expect(placement.region).toEqual({ left: 0, top: -112, width: 448, height: 448 });
  });

  it("covers inputs that are not square", () => {
    const { horizontal, vertical } = place(
      { width: 500, height: 334 },
      { width: 192, height: 256 },
      "crop",
      1,
    );
    expect(vertical.size).toBe(256);
    expect(horizontal.size).toBe(383);
  });
});

describe("preprocess", () => {
  it("normalises with every preset as its definition says", () => {
    const image = solid(5, 7, [255, 127, 0]);
    const first = (preset: keyof typeof normalizationPresets): number[] => {
      const { input } = preprocess(image, parsePreprocess(preset), size);
      return [input.data[0]!, input.data[16]!, input.data[32]!];
    };
    const expected = {
      imagenet: [(1 - 0.485) / 0.229, (127 / 255 - 0.456) / 0.224, -0.406 / 0.225],
      "efficientnet-lite": [1, 0, -127 / 128],
      "minus-one-to-one": [1, 127 / 127.5 - 1, -1],
      "zero-to-one": [1, 127 / 255, 0],
      "caffe-bgr": [0 - 103.939, 127 - 116.779, 255 - 123.68],
    } as const;
    for (const [preset, values] of Object.entries(expected)) {
      const actual = first(preset as keyof typeof expected);
      for (const [index, value] of values.entries()) expect(actual[index]).toBeCloseTo(value, 4);
    }
  });

  it("gives 16-bit sources the same values as 8-bit ones", () => {
    const image8 = solid(4, 4, [10, 20, 30]);
    const data = Uint16Array.from(image8.data, (value) => value * 257);
    const wide = preprocess({ ...image8, data, white: 65535 }, parsePreprocess("imagenet"), size);
    const narrow = preprocess(image8, parsePreprocess("imagenet"), size);
    for (const [index, value] of narrow.input.data.entries())
      expect(wide.input.data[index]).toBeCloseTo(value, 5);
  });

  it("gives luma to models with one channel", () => {
    const { input } = preprocess(solid(4, 4, [100, 150, 200]), parsePreprocess("zero-to-one"), {
      channels: 1,
      height: 2,
      width: 2,
    });
    expect(input.dims).toEqual([1, 1, 2, 2]);
    expect(input.data[3]).toBeCloseTo((29.9 + 88.05 + 22.8) / 255, 6);
  });

  it("shows the network the part of the photograph that the placement names", () => {
    const image = coordinates(200, 120);
    for (const mode of ["stretch", "crop", "letterbox"] as const) {
      const description = parsePreprocess({ preset: "zero-to-one", resize: { mode } });
      const { input, placement } = preprocess(image, description, { channels: 3, height: 32, width: 48 });
      // The value at the input's centre is the photograph's coordinate there; half a pixel lies between index and position.
      for (const [x, y] of [
        [10, 12],
        [24, 16],
        [40, 25],
      ] as const) {
        const photoX = placement.region.left + ((x + 0.5) / 48) * placement.region.width - 0.5;
        const photoY = placement.region.top + ((y + 0.5) / 32) * placement.region.height - 0.5;
        expect(255 * input.data[y * 48 + x]!).toBeCloseTo(photoX, 1);
        expect(255 * input.data[32 * 48 + y * 48 + x]!).toBeCloseTo(photoY, 1);
      }
    }
  });

  it("crops as resizing everything and cutting afterwards does", () => {
    const image = coordinates(60, 40);
    const whole = preprocess(image, parsePreprocess({ preset: "zero-to-one" }), {
      channels: 3,
      height: 16,
      width: 24,
    });
    const cropped = preprocess(
      image,
      parsePreprocess({ preset: "zero-to-one", resize: { mode: "crop", cropFraction: 0.5 } }),
      {
        channels: 3,
        height: 8,
        width: 8,
      },
    );
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++)
        expect(cropped.input.data[y * 8 + x]).toBeCloseTo(whole.input.data[(y + 4) * 24 + x + 8]!, 5);
    }
  });

  it("pads a letterbox with 0 in input space", () => {
    const { input } = preprocess(
      solid(8, 4, [255, 255, 255]),
      parsePreprocess({ resize: { mode: "letterbox" } }),
      size,
    );
    expect([...input.data.subarray(0, 4)]).toEqual([0, 0, 0, 0]);
    expect(toPixelSpace(normalizationPresets.imagenet, 0, input.data[4]!)).toBeCloseTo(1, 6);
    expect([...input.data.subarray(12, 16)]).toEqual([0, 0, 0, 0]);
  });

  it("does not overshoot with bicubic filters", () => {
    const data = Uint8Array.from({ length: 8 * 8 * 3 }, (_, index) =>
      Math.floor(index / 3) % 8 < 4 ? 0 : 255,
    );
    const { input } = preprocess(
      { width: 8, height: 8, channels: 3, data, white: 255 },
      parsePreprocess({ preset: "zero-to-one", resize: { filter: "bicubic" } }),
      { channels: 3, height: 20, width: 20 },
    );
    expect(Math.min(...input.data)).toBe(0);
    expect(Math.max(...input.data)).toBe(1);
  });

  it("refuses other channel counts and mismatched means", () => {
    const image = solid(4, 4, [0, 0, 0]);
    expect(() => preprocess(image, parsePreprocess("imagenet"), { ...size, channels: 4 })).toThrow(
      ShapeError,
    );
    expect(() => preprocess(image, parsePreprocess("imagenet"), { ...size, channels: 1 })).toThrow(
      ParameterError,
    );
  });
});

describe("parsePreprocess", () => {
  it("fills defaults and lets fields override the preset", () => {
    expect(parsePreprocess("imagenet").resize).toEqual({
      mode: "stretch",
      filter: "bilinear",
      antialias: true,
      cropFraction: 0.875,
    });
    const parsed = parsePreprocess(
      '{"preset": "minus-one-to-one", "std": [0.25], "resize": {"mode": "crop", "size": 299}}',
    );
    expect(parsed.normalization).toEqual({ mean: [0.5, 0.5, 0.5], std: [0.25], channelOrder: "RGB" });
    expect(parsed.resize).toMatchObject({ mode: "crop", size: 299, cropFraction: 0.875 });
  });

  it("takes mean and std in units of 0..255", () => {
    const { normalization } = parsePreprocess({ mean: [127.5], std: [127.5], pixelRange: 255 });
    expect(normalization).toEqual({ mean: [0.5], std: [0.5], channelOrder: "RGB" });
  });

  it("says what is wrong and where", () => {
    expect(() => parsePreprocess("imagnet")).toThrow(
      /preprocess: expected one of imagenet, .* got "imagnet"/,
    );
    expect(() => parsePreprocess('{"mean": [1, 2}', "m.json")).toThrow(/m\.json: expected JSON/);
    expect(() => parsePreprocess('{"means": [1]}', "m.json")).toThrow(/m\.json: .*means.*Known keys: preset/);
    expect(() => parsePreprocess('{"resize": {"mode": "zoom"}}', "m.json")).toThrow(
      /m\.json: resize\.mode: .*stretch/,
    );
    expect(() => parsePreprocess({ mean: [123.7, 116.3, 103.5] })).toThrow(/add "pixelRange": 255/);
    expect(() => parsePreprocess({ std: [0, 1, 1] })).toThrow(DataError);
  });
});
