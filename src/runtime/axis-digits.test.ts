import { describe, expect, it } from "vitest";
import { reshapedAxes, resizedAxis, wholeAxis, type Axes } from "./axis-digits.ts";

const image: Axes = [
  wholeAxis("batch", "batch"),
  wholeAxis("channel", 6),
  wholeAxis("height", 8),
  wholeAxis("width", 12),
];

describe("reshapedAxes", () => {
  it("splits rows into windows and puts them together again", () => {
    const windows = reshapedAxes(image, ["batch", 6, 2, 4, 3, 4]);
    expect(windows?.[2]?.digits).toEqual([{ of: "height", size: 2, stride: 4, extent: 8 }]);
    expect(windows?.[3]?.digits).toEqual([{ of: "height", size: 4, stride: 1, extent: 8 }]);
    expect(windows && reshapedAxes(windows, ["batch", 6, 8, 12])).toEqual(image);
  });

  it("does not take windows in the wrong order for rows", () => {
    const windows = reshapedAxes(image, ["batch", 6, 2, 4, 12]);
    const swapped = windows && [windows[0]!, windows[1]!, windows[3]!, windows[2]!, windows[4]!];
    const back = swapped && reshapedAxes(swapped, ["batch", 6, 8, 12]);
    expect(back?.[2]?.digits).toHaveLength(2);
  });

  it("holds windows in the batch axis", () => {
    const windows = reshapedAxes(image, ["batch", 6, 2, 4, 3, 4]);
    const order = [0, 2, 4, 1, 3, 5].map((axis) => windows![axis]!);
    const batch = reshapedAxes(order, ["6*batch", 6, 16]);
    expect(batch?.[0]?.digits.map(({ of }) => of)).toEqual(["batch", "height", "width"]);
  });

  it("drops and adds axes of size one", () => {
    const more = reshapedAxes(image, ["batch", 1, 6, 8, 1, 12]);
    expect(more?.[1]?.digits).toEqual([]);
    expect(more && reshapedAxes(more, ["batch", 6, 8, 12])).toEqual(image);
  });

  it("gives up where a cut does not divide a size", () => {
    expect(reshapedAxes(image, ["batch", 6, 5, 96 / 5])).toBeUndefined();
  });

  it("moves a grid with a class token only as a whole", () => {
    const grid = reshapedAxes(image, ["batch", 6, 96])![2]!;
    const tokens: Axes = [image[0]!, { ...grid, prefix: 1 }, image[1]!];
    expect(reshapedAxes(tokens, ["batch", 1, 97, 6])?.[2]).toEqual(tokens[1]);
    expect(reshapedAxes(tokens, ["batch", 97 * 6])?.[1]?.digits[0]?.of).toBe("other");
  });
});

describe("resizedAxis", () => {
  it("keeps what a whole axis means at another size, and nothing of a part", () => {
    expect(resizedAxis(wholeAxis("height", 8), 4)).toEqual(wholeAxis("height", 4));
    const part = reshapedAxes(image, ["batch", 6, 2, 4, 12])![3]!;
    expect(resizedAxis(part, 2)).toEqual(wholeAxis("other", 2));
  });
});
