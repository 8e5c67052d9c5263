import { describe, expect, it } from "vitest";
import { ParameterError } from "../errors.ts";
import { applyColorMap, colorMapNames, colorTable } from "./color-map.ts";
import { autoScale, renderOverlay } from "./overlay.ts";
import { type RgbaImage, solidImage } from "./rgba-image.ts";

const grid = (width: number, height: number, values: readonly number[]) => ({
  width,
  height,
  values: Float32Array.from(values),
});
const pixel = (image: RgbaImage, x: number, y: number): number[] => [
  ...image.data.subarray((y * image.width + x) * 4, (y * image.width + x) * 4 + 3),
];

describe("colorTable", () => {
  it("has the known colours at 0, 0.5 and 1, red green blue", () => {
    const at = (name: (typeof colorMapNames)[number], entry: number): number[] => [
      ...colorTable(name).subarray(entry * 3, entry * 3 + 3),
    ];
    expect([at("viridis", 0), at("viridis", 255)]).toEqual([
      [68, 1, 84],
      [253, 231, 37],
    ]);
    expect([at("inferno", 0), at("inferno", 255)]).toEqual([
      [0, 0, 4],
      [252, 255, 164],
    ]);
    // jet: dark blue, green-ish middle, dark red.
    expect([at("jet", 0), at("jet", 255)]).toEqual([
      [0, 0, 128],
      [128, 0, 0],
    ]);
    expect(at("jet", 128)[1]).toBe(255);
    const [low, middle, high] = [at("blue-red", 0), at("blue-red", 128), at("blue-red", 255)];
    expect(low[2]).toBeGreaterThan(low[0]! + 50);
    expect(high[0]).toBeGreaterThan(high[2]! + 50);
    expect(Math.min(...middle)).toBeGreaterThan(235);
  });

  it("has 256 colours in every map", () => {
    for (const name of colorMapNames) expect(colorTable(name)).toHaveLength(768);
  });
});

describe("applyColorMap", () => {
  it("clamps to the scale and paints a flat scale with the lowest colour", () => {
    const map = grid(3, 1, [-5, 0.5, 9]);
    const image = applyColorMap(map, "gray", { min: 0, max: 1 });
    expect([pixel(image, 0, 0)[0], pixel(image, 1, 0)[0], pixel(image, 2, 0)[0]]).toEqual([0, 128, 255]);
    expect(pixel(applyColorMap(map, "gray", { min: 1, max: 1 }), 2, 0)).toEqual([0, 0, 0]);
  });
});

describe("autoScale", () => {
  it("is symmetric around 0 for signed maps", () => {
    expect(autoScale(grid(2, 1, [-3, 1]), true)).toEqual({ min: -3, max: 3 });
    expect(autoScale(grid(3, 1, [-3, 1, Number.NaN]), false)).toEqual({ min: -3, max: 1 });
  });
});

describe("renderOverlay", () => {
  const photo = solidImage(40, 20, [100, 100, 100]);

  it("puts the peak where the map has it, not transposed", () => {
    const image = renderOverlay(photo, grid(4, 2, [0, 0, 0, 1, 0, 0, 0, 0]), { colorMap: "gray" });
    expect(pixel(image, 37, 2)[0]).toBeGreaterThan(150);
    expect(pixel(image, 2, 17)).toEqual([100, 100, 100]);
    expect(pixel(image, 17, 17)).toEqual([100, 100, 100]);
  });

  it("keeps the photograph's size and does not modify it", () => {
    const image = renderOverlay(photo, grid(1, 1, [1]), { scale: { min: 0, max: 1 } });
    expect([image.width, image.height]).toEqual([40, 20]);
    expect(pixel(photo, 5, 5)).toEqual([100, 100, 100]);
  });

  it("fades what the network did not see", () => {
    const placement = { region: { left: 10, top: 0, width: 20, height: 20 }, width: 40, height: 20 };
    const image = renderOverlay(photo, grid(1, 1, [0]), { placement });
    expect(pixel(image, 20, 10)).toEqual([100, 100, 100]);
    expect(pixel(image, 2, 10)[0]).toBeGreaterThan(170);
    expect(pixel(image, 9, 10)[0]).toBeLessThan(100);
  });

  it("shows only the middle of a letterboxed map", () => {
    // Rows of the 4 x 4 map: the first and last fell on padding.
    const placement = { region: { left: 0, top: -10, width: 40, height: 40 }, width: 40, height: 20 };
    const values = [9, 9, 9, 9, 0, 0, 0, 0, 1, 1, 1, 1, 9, 9, 9, 9];
    const image = renderOverlay(photo, grid(4, 4, values), {
      placement,
      scale: { min: 0, max: 1 },
      alpha: "uniform",
      opacity: 1,
      colorMap: "gray",
    });
    // The centre of the second map row lies at y = 5, of the third at y = 15.
    expect(pixel(image, 20, 5)[0]).toBeLessThan(20);
    expect(pixel(image, 20, 14)[0]).toBeGreaterThan(235);
  });

  it("scales the placement to a photograph shown smaller", () => {
    const placement = { region: { left: 100, top: 0, width: 200, height: 200 }, width: 400, height: 200 };
    const image = renderOverlay(photo, grid(1, 1, [0]), { placement });
    expect(pixel(image, 10, 10)).toEqual([100, 100, 100]);
    expect(pixel(image, 5, 10)[0]).toBeGreaterThan(170);
  });

  it("leaves clear what is below the threshold, near 0 for signed maps, and not finite", () => {
    const uniform = { alpha: "uniform", opacity: 1, colorMap: "gray" } as const;
    const thresholded = renderOverlay(photo, grid(2, 1, [0.2, 0.8]), {
      ...uniform,
      threshold: 0.5,
      scale: { min: 0, max: 1 },
    });
    expect(pixel(thresholded, 0, 0)).toEqual([100, 100, 100]);
    expect(pixel(thresholded, 39, 0)).toEqual([204, 204, 204]);
    const signed = renderOverlay(photo, grid(3, 1, [-1, 0, 1]), { isSigned: true });
    expect(pixel(signed, 20, 0)).toEqual([100, 100, 100]);
    expect(pixel(signed, 0, 0)[2]).toBeGreaterThan(pixel(signed, 0, 0)[0]!);
    expect(pixel(signed, 39, 0)[0]).toBeGreaterThan(pixel(signed, 39, 0)[2]!);
    expect(pixel(renderOverlay(photo, grid(1, 1, [Number.NaN]), uniform), 3, 3)).toEqual([100, 100, 100]);
  });

  it("leaves the photograph alone where the map is constant", () => {
    expect(pixel(renderOverlay(photo, grid(2, 2, [3, 3, 3, 3])), 7, 7)).toEqual([100, 100, 100]);
  });

  it("refuses an opacity outside 0..1", () => {
    expect(() => renderOverlay(photo, grid(1, 1, [1]), { opacity: 60 })).toThrow(ParameterError);
  });
});
