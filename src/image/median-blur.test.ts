import { describe, expect, it } from "vitest";
import { mersenneStream } from "../random/random-stream.ts";
import { tensor } from "../tensor/tensor.ts";
import { borderIndex } from "./border.ts";
import { medianBlur } from "./median-blur.ts";

describe("medianBlur", () => {
  it("equals sorting every window, with repeated edges", () => {
    const random = mersenneStream(1);
    const [height, width] = [9, 13];
    const bytes = Array.from({ length: height * width }, () => Math.floor(random.uniform() * 256));
    const result = medianBlur(
      tensor(
        bytes.map((value) => value / 255),
        [1, 1, height, width],
      ),
      5,
    );
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const window: number[] = [];
        for (let dy = -2; dy <= 2; dy++) {
          for (let dx = -2; dx <= 2; dx++) {
            window.push(
              bytes[borderIndex(y + dy, height, "edge") * width + borderIndex(x + dx, width, "edge")]!,
            );
          }
        }
        expect(Math.round(result.data[y * width + x]! * 255)).toBe(window.sort((a, b) => a - b)[12]);
      }
    }
  });

  it("leaves a constant image unchanged and refuses even sizes", () => {
    expect([...medianBlur(tensor([1, 1, 1, 1], [1, 1, 2, 2])).data]).toEqual([1, 1, 1, 1]);
    expect(() => medianBlur(tensor([1], [1, 1]), 4)).toThrow(/odd/);
  });
});
