import { describe, expect, it } from "vitest";
import { ParameterError } from "../errors.ts";
import { fitForDisplay } from "./display-size.ts";
import { explanationFigure } from "./explanation-figure.ts";
import { formatValue, renderFigure } from "./figure.ts";
import { type RgbaImage, solidImage } from "./rgba-image.ts";

const pixel = (image: RgbaImage, x: number, y: number): number[] => [
  ...image.data.subarray((y * image.width + x) * 4, (y * image.width + x) * 4 + 3),
];
const red = solidImage(300, 200, [255, 0, 0]);
const count = (image: RgbaImage, color: readonly number[]): number => {
  let total = 0;
  for (let index = 0; index < image.data.length; index += 4) {
    if (color.every((value, channel) => image.data[index + channel] === value)) total++;
  }
  return total;
};

describe("renderFigure", () => {
  it("shows every pixel of every panel", () => {
    const blue = solidImage(300, 200, [0, 0, 255]);
    const figure = renderFigure(
      [{ image: red }, { image: blue }, { image: red, title: "Third", note: "note" }],
      { columns: 2, title: "Title" },
    );
    expect(count(figure, [255, 0, 0])).toBe(2 * 300 * 200);
    expect(count(figure, [0, 0, 255])).toBe(300 * 200);
    expect(figure.width).toBeLessThan(700);
  });

  it("keeps words inside the figure", () => {
    const text = "W".repeat(200);
    const figure = renderFigure([{ image: red, title: text, note: text }], { title: text, subtitle: text });
    for (let y = 0; y < figure.height; y++) {
      for (const x of [0, 1, 2, figure.width - 3, figure.width - 2, figure.width - 1])
        expect(pixel(figure, x, y)).toEqual([255, 255, 255]);
    }
  });

  it("is opaque, and the same each time", () => {
    const make = () =>
      renderFigure([{ image: red, title: "a", colorBar: { colorMap: "turbo", scale: { min: -1, max: 1 } } }]);
    const figure = make();
    expect(figure.data.filter((_, index) => index % 4 === 3).every((alpha) => alpha === 255)).toBe(true);
    expect(make().data).toEqual(figure.data);
  });

  it("draws the colour bar from the low to the high colour", () => {
    const bare = renderFigure([{ image: red }]);
    const figure = renderFigure([{ image: red, colorBar: { colorMap: "gray", scale: { min: 0, max: 1 } } }]);
    expect(figure.height).toBeGreaterThan(bare.height);
    expect(count(figure, [128, 128, 128])).toBeGreaterThan(0);
  });

  it("wants a panel", () => {
    expect(() => renderFigure([])).toThrow(ParameterError);
  });
});

describe("explanationFigure", () => {
  const map = { width: 2, height: 2, values: Float32Array.from([0, 0, 0, 1]) };

  it("puts the photograph first, then a panel for each map", () => {
    const one = explanationFigure(red, [{ map, title: "Grad-CAM" }], { photoTitle: false });
    const two = explanationFigure(red, [{ map, title: "Grad-CAM" }]);
    expect(two.width).toBeGreaterThan(one.width + 300);
    expect(two.height).toBeGreaterThanOrEqual(one.height);
  });

  it("stays below 3700 pixels wide for large photographs and many maps", () => {
    const photo = solidImage(1200, 900);
    const maps = Array.from({ length: 5 }, () => ({ map, title: "x" }));
    expect(explanationFigure(photo, maps, { columns: 6 }).width).toBeLessThan(4000);
  });

  it("draws constant and non-finite maps without colour", () => {
    const empty = { width: 1, height: 1, values: Float32Array.from([Number.NaN]) };
    const figure = explanationFigure(red, [{ map: empty, title: "Empty", note: "the map is empty" }]);
    expect(count(figure, [255, 0, 0])).toBe(2 * 300 * 200);
  });
});

describe("fitForDisplay", () => {
  it("keeps ordinary sizes, enlarges icons by whole pixels, shrinks large pictures", () => {
    expect(fitForDisplay(red)).toBe(red);
    const icon = fitForDisplay(solidImage(28, 20));
    expect([icon.width, icon.height]).toEqual([28 * 11, 20 * 11]);
    const small = fitForDisplay(solidImage(150, 144));
    expect([small.width, small.height]).toEqual([288, 276]);
    const large = fitForDisplay(solidImage(2000, 1000, [9, 8, 7]));
    expect([large.width, large.height]).toEqual([1600, 800]);
    expect(pixel(large, 800, 400)).toEqual([9, 8, 7]);
  });
});

describe("formatValue", () => {
  it("writes three digits, a true minus, and 0 for what the scale cannot show", () => {
    expect([0, 1, -0.123456, 12345.6, 1e-5, -2.5e7].map((value) => formatValue(value))).toEqual([
      "0",
      "1",
      "−0.123",
      "12300",
      "1.0e−5",
      "−2.5e7",
    ]);
    expect(formatValue(1e-6, 0.01)).toBe("0");
  });
});
