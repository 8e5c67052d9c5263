import { describe, expect, it } from "vitest";
import { coverage } from "./rasterize.ts";
import { type RgbaImage, solidImage } from "./rgba-image.ts";
import { drawText, ellipsize, textWidth } from "./text.ts";

const sum = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((total, value) => total + value, 0);
const darkness = (image: RgbaImage, isInside: (x: number, y: number) => boolean): number => {
  let total = 0;
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++)
      if (isInside(x, y)) total += 255 - image.data[(y * image.width + x) * 4]!;
  }
  return total;
};
const drawn = (text: string, left = 10, baseline = 30): RgbaImage => {
  const image = solidImage(200, 40);
  drawText(image, text, { size: 20, left, baseline, color: [0, 0, 0] });
  return image;
};

describe("coverage", () => {
  it("is the exact share of each pixel", () => {
    // A rectangle from (0.5, 0.25) to (2.25, 2).
    const shares = coverage([[0.5, 0.25, 2.25, 0.25, 2.25, 2, 0.5, 2]], 4, 3);
    const expected = [0.375, 0.75, 0.1875, 0, 0.5, 1, 0.25, 0, 0, 0, 0, 0];
    for (const [index, value] of expected.entries()) expect(shares[index]).toBeCloseTo(value, 6);
  });

  it("has the area of a triangle with slanted edges, whichever way round", () => {
    expect(sum(coverage([[1.3, 0.7, 8.9, 3.1, 4.2, 7.7]], 10, 10))).toBeCloseTo(
      Math.abs((8.9 - 1.3) * (7.7 - 0.7) - (4.2 - 1.3) * (3.1 - 0.7)) / 2,
      4,
    );
    expect(sum(coverage([[4.2, 7.7, 8.9, 3.1, 1.3, 0.7]], 10, 10))).toBeCloseTo(23.12, 4);
  });

  it("cuts holes where contours run the other way", () => {
    const shares = coverage(
      [
        [0, 0, 4, 0, 4, 4, 0, 4],
        [1, 1, 1, 3, 3, 3, 3, 1],
      ],
      4,
      4,
    );
    expect(sum(shares)).toBeCloseTo(12, 5);
    expect(shares[5]).toBeCloseTo(0, 6);
  });

  it("leaves out what lies outside on any side", () => {
    expect(sum(coverage([[-5, -5, 20, -5, 20, 20, -5, 20]], 6, 4))).toBeCloseTo(24, 4);
    expect(sum(coverage([[-5, 1, -1, 1, -1, 3, -5, 3]], 6, 4))).toBeCloseTo(0, 5);
    expect(sum(coverage([[7, 1, 9, 1, 9, 3, 7, 3]], 6, 4))).toBeCloseTo(0, 5);
  });
});

describe("textWidth", () => {
  it("grows with the size, the weight and the text", () => {
    const width = textWidth("saliency", { size: 10 });
    expect(textWidth("saliency", { size: 20 })).toBeCloseTo(2 * width, 6);
    expect(textWidth("saliency", { size: 10, weight: "semibold" })).toBeGreaterThan(width);
    expect(textWidth("iiii", { size: 10 })).toBeLessThan(textWidth("mmmm", { size: 10 }));
  });
});

describe("drawText", () => {
  it("puts letters on the baseline and right of the start", () => {
    const image = drawn("HI");
    const right = 10 + Math.ceil(textWidth("HI", { size: 20 }));
    // Capitals of Inter are 0.727 em high.
    expect(darkness(image, (x, y) => x >= 10 && x < right && y >= 15 && y < 30)).toBeGreaterThan(5000);
    expect(darkness(image, (x, y) => x < 10 || x >= right || y < 14 || y >= 30)).toBe(0);
  });

  it("leaves the hole of an o white and goes below the baseline for a g", () => {
    expect(darkness(drawn("o"), (x, y) => x >= 14 && x < 17 && y >= 23 && y < 26)).toBe(0);
    expect(darkness(drawn("g"), (_, y) => y >= 31)).toBeGreaterThan(300);
  });

  it("draws accents, drops those it does not know, and marks other scripts", () => {
    expect(drawn("é").data).not.toEqual(drawn("e").data);
    expect(drawn("ř").data).toEqual(drawn("r").data);
    expect(drawn("e\u0301").data).toEqual(drawn("é").data);
    expect(drawn("猫").data).toEqual(drawn("?").data);
    expect(drawn("a\tb").data).toEqual(drawn("a b").data);
  });

  it("may run over any edge of the image", () => {
    for (const [left, baseline] of [
      [-15, 30],
      [190, 30],
      [10, 3],
      [10, 55],
    ] as const) {
      expect(drawn("Wide text", left, baseline).data).toHaveLength(200 * 40 * 4);
    }
  });
});

describe("ellipsize", () => {
  it("keeps what fits and cuts the rest", () => {
    const style = { size: 12 };
    expect(ellipsize("cat", 100, style)).toBe("cat");
    const cut = ellipsize("soft-coated wheaten terrier", 80, style);
    expect(cut).toMatch(/^soft-.*[^ ]…$/);
    expect(textWidth(cut, style)).toBeLessThanOrEqual(80);
    expect(ellipsize("cat", 1, style)).toBe("…");
  });
});
