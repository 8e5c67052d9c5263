import { describe, expect, it } from "vitest";
import { ParameterError, ShapeError } from "../errors.ts";
import { mersenneStream } from "../random/random-stream.ts";
import { filled, type Tensor, tensor } from "../tensor/tensor.ts";
import { rgbToLab } from "./color-lab.ts";
import { dilatedSegments, diskOffsets } from "./dilate.ts";
import { felzenszwalb } from "./felzenszwalb.ts";
import { quickshift } from "./quickshift.ts";
import type { Segmentation } from "./segmentation.ts";
import { slic } from "./slic.ts";
import { stableOrder } from "./stable-order.ts";

// Segments of the 24 x 24 pattern below by scikit-image, one hexadecimal digit a pixel.
const slicOf6 = [
  "000000000000111111111111",
  "000000000000111111111111",
  "000000000000111111111111",
  "000000000000111111111111",
  "000000000000111111111111",
  "000000000000111111111111",
  "000000000000111111111111",
  "000000000000111111111111",
  "000000000000111111111111",
  "000000000000111111111111",
  "222222222222333333333333",
  "222222222222333333333333",
  "222222222222333333333333",
  "222222222223333333333333",
  "222222222233333333333333",
  "222222222223333333333333",
  "222222222222333333333333",
  "222222232223333333333333",
  "222222232333333333333333",
  "222222233333333333333333",
  "222233333333333333333333",
  "222333333333333333333333",
  "223333333333333333333333",
  "223333333333333333333333",
];
const slicOf12 = [
  "000000000000000000000000",
  "000000000000000000000001",
  "000000000000000000000011",
  "000000000000000000000111",
  "000000000000000000001111",
  "000000000000000000011111",
  "000000000000000000111111",
  "000000000000000001111111",
  "000000000000000011111111",
  "000000000000000111111111",
  "222222222222223333333333",
  "222222222222233333333333",
  "222222222222333333333333",
  "222222222224333333333333",
  "222222222244333333333333",
  "222222222444333333333333",
  "222222224444333333333333",
  "222222244444333333333333",
  "222222444444333333333333",
  "222224444444333333333333",
  "222244444444333333333333",
  "222444444444333333333333",
  "224444444444333333333333",
  "244444444444333333333333",
];
const felzenszwalbOf50 = [
  "000000000122333333344444",
  "000000001222333333444445",
  "000000111222333333444455",
  "000111112222333334444555",
  "011111112222333334445555",
  "111111122222333334455555",
  "111111122222333344555555",
  "111111122222333345555555",
  "111111222222333455555555",
  "111111222222333555555555",
  "666666666666777777777777",
  "888886666666777777777777",
  "888866666666777777777779",
  "88886666666a777777777799",
  "8888666666aa777777777799",
  "888666666aaa777777777999",
  "88866666aaaa777777777999",
  "8866666aaaaa777777777999",
  "886666aaaaaa777777779999",
  "86666aaaaaaa777777779999",
  "8666aaaaaaaa777777799999",
  "866aaaaaaaaa777777799999",
  "66aaaaaaaaaa777777999999",
  "6aaaaaaaaaaa777777999999",
];

/** Smooth ramps with steps at x = 12, y = 10 and x + y = 24, so that segments have places to end. */
function pattern(): Tensor {
  const image = filled([3, 24, 24]);
  for (let y = 0; y < 24; y++) {
    for (let x = 0; x < 24; x++) {
      const isFirst = x === 0 && y === 0;
      const isLast = x === 23 && y === 23;
      const red = ((7 * x + 3 * y) % 64) + (x >= 12 ? 128 : 0);
      const green = ((5 * x + 11 * y) % 48) + (y >= 10 ? 112 : 0);
      const blue = ((13 * x + 2 * y) % 32) + (x + y >= 24 ? 96 : 0);
      for (const [channel, value] of [red, green, blue].entries()) {
        image.data[channel * 576 + y * 24 + x] = (isFirst ? 0 : isLast ? 255 : value) / 255;
      }
    }
  }
  return image;
}

function rows({ labels, width, height }: Segmentation): string[] {
  const digits = Array.from(labels, (label) => label.toString(16)).join("");
  return Array.from({ length: height }, (_, y) => digits.slice(y * width, (y + 1) * width));
}

function sizes({ labels, count }: Segmentation): number[] {
  const result = Array.from({ length: count }, () => 0);
  for (const label of labels) result[label]!++;
  return result;
}

describe("rgbToLab", () => {
  it("gives the known colours", () => {
    const colors = [
      [7, 5, 13],
      [178, 138, 16],
      [31, 117, 105],
    ];
    const expected = [1.6509, 1.6714, -2.9413, 59.5999, 5.0149, 61.804, 44.2799, -27.9912, -0.6551];
    const planes = [0, 1, 2].flatMap((channel) => colors.map((color) => color[channel]! / 255));
    const lab = rgbToLab(tensor(planes, [3, 1, 3]));
    for (const [index, value] of expected.entries()) expect(lab[index]).toBeCloseTo(value, 3);
  });

  it("refuses images that are not RGB", () => {
    expect(() => rgbToLab(filled([1, 4, 4]))).toThrow(ShapeError);
  });
});

describe("slic", () => {
  it("gives scikit-image's 4 segments for 6 wished", () => {
    const result = slic(pattern(), { segmentCount: 6 });
    expect(rows(result)).toEqual(slicOf6);
    expect(sizes(result)).toEqual([120, 120, 116, 220]);
  });

  it("gives scikit-image's 5 segments for 12 wished", () => {
    const result = slic(pattern(), { segmentCount: 12 });
    expect(rows(result)).toEqual(slicOf12);
    expect(sizes(result)).toEqual([195, 45, 105, 165, 66]);
  });

  it("makes every pixel a segment when that many are wished", () => {
    expect(slic(filled([3, 2, 3]), { segmentCount: 6 }).labels).toEqual(Int32Array.from([0, 1, 2, 3, 4, 5]));
  });

  it("uses each label from 0 on, for any count and shape", () => {
    for (const [height, width, segmentCount] of [
      [7, 31, 5],
      [40, 3, 9],
      [1, 50, 4],
      [16, 16, 1],
      [9, 9, 80],
    ] as const) {
      const random = mersenneStream(5);
      const image = tensor(
        Float32Array.from({ length: 3 * height * width }, () => random.uniform()),
        [1, 3, height, width],
      );
      expect(Math.min(...sizes(slic(image, { segmentCount })))).toBeGreaterThan(0);
    }
  });

  it("refuses counts below 1", () => {
    expect(() => slic(pattern(), { segmentCount: 0 })).toThrow(ParameterError);
  });
});

describe("felzenszwalb", () => {
  it("gives scikit-image's 11 segments", () => {
    const image = pattern();
    const [result] = felzenszwalb(
      { ...image, data: image.data.map((value) => 2 * value - 1) },
      { scales: [50], minSize: 20 },
    );
    expect(rows(result!)).toEqual(felzenszwalbOf50);
    expect(sizes(result!)).toEqual([27, 50, 43, 48, 27, 45, 72, 124, 30, 44, 66]);
  });

  it("joins more at larger scales and leaves no segment below the smallest size", () => {
    const results = felzenszwalb(pattern(), { scales: [10, 100, 1000], minSize: 30, sigma: 0 });
    const counts = results.map((result) => result.count);
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
    for (const result of results) expect(Math.min(...sizes(result))).toBeGreaterThanOrEqual(30);
  });

  it("makes one segment of a constant image", () => {
    expect(felzenszwalb(filled([3, 9, 9], 0.5), { scales: [1] })[0]?.count).toBe(1);
  });
});

describe("stableOrder", () => {
  it("sorts as a stable comparison does", () => {
    const random = mersenneStream(1);
    const values = Float64Array.from({ length: 2000 }, () => Math.floor(random.uniform() * 300) * 1e-3);
    values[7] = -0;
    values[9] = 1e300;
    const expected = Array.from(values, (_, index) => index).sort((a, b) => values[a]! - values[b]! || a - b);
    expect([...stableOrder(values)]).toEqual(expected);
  });
});

describe("quickshift", () => {
  it("separates flat areas of different colour", () => {
    const image = filled([3, 16, 16]);
    for (let pixel = 0; pixel < 256; pixel++) if (pixel % 16 >= 8) image.data[pixel] = 1;
    const { labels, count } = quickshift(image, {
      random: mersenneStream(1),
      kernelSize: 2,
      maxDistance: 6,
      ratio: 1,
    });
    const left = new Set(labels.filter((_, pixel) => pixel % 16 < 8));
    const right = new Set(labels.filter((_, pixel) => pixel % 16 >= 8));
    expect([...left].filter((label) => right.has(label))).toEqual([]);
    expect(count).toBe(left.size + right.size);
  });

  it("is the same for the same seed", () => {
    const run = (seed: number) =>
      quickshift(pattern(), { random: mersenneStream(seed), maxDistance: 10 }).labels;
    expect(run(3)).toEqual(run(3));
  });
});

describe("dilatedSegments", () => {
  it("has 81 pixels in a disk of radius 5", () => {
    expect(diskOffsets(5)).toHaveLength(81);
  });

  it("equals painting a disk on every pixel", () => {
    const segmentation = slic(pattern(), { segmentCount: 12 });
    const result = dilatedSegments(segmentation, 3);
    for (const [segment, pixels] of result.entries()) {
      const mask = new Set<number>();
      for (const [pixel, label] of segmentation.labels.entries()) {
        if (label !== segment) continue;
        for (const [dy, dx] of diskOffsets(3)) {
          const y = Math.floor(pixel / 24) + dy;
          const x = (pixel % 24) + dx;
          if (y >= 0 && y < 24 && x >= 0 && x < 24) mask.add(y * 24 + x);
        }
      }
      expect([...pixels]).toEqual([...mask].sort((a, b) => a - b));
    }
  });

  it("lists the segments themselves without dilation", () => {
    const segmentation = slic(pattern(), { segmentCount: 6 });
    expect(dilatedSegments(segmentation, 0).map((pixels) => pixels.length)).toEqual(sizes(segmentation));
  });
});
