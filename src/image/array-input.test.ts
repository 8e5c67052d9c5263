import { describe, expect, it } from "vitest";
import { filled } from "../tensor/tensor.ts";
import { arrayInput } from "./array-input.ts";

const video = { channels: 3, depth: 8, height: 32, width: 48 };

describe("an array as the input of a network", () => {
  it("may leave the axis of the batch out", () => {
    expect(arrayInput(filled([3, 8, 32, 48]), video, "clip.npy").dims).toEqual([1, 3, 8, 32, 48]);
  });
  it("is refused with its axes in another order, with what to do", () => {
    const message = "got [8, 32, 48, 3]. Transpose it: channels first, then slices or frames, rows, columns.";
    expect(() => arrayInput(filled([8, 32, 48, 3]), video, "clip.npy")).toThrow(message);
  });
  it("is refused in another size, with what to do", () => {
    const message = "expected an array of shape [3, 8, 32, 48], got [3, 16, 32, 48]. Resample and crop it";
    expect(() => arrayInput(filled([3, 16, 32, 48]), video, "clip.npy")).toThrow(message);
  });
});
