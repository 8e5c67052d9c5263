import { describe, expect, it } from "vitest";
import { normalizationPresets } from "../../image/normalize.ts";
import { tensor } from "../../tensor/tensor.ts";
import { pixelImageOf } from "./pixel-image.ts";

describe("pixelImageOf", () => {
  it("undoes the normalisation", () => {
    const { mean, std } = normalizationPresets.imagenet;
    const pixels = [0.1, 0.5, 0.9];
    const input = tensor(
      pixels.map((value, channel) => (value - mean[channel]!) / std[channel]!),
      [1, 3, 1, 1],
    );
    expect([...pixelImageOf(input, normalizationPresets.imagenet).data]).toEqual(
      pixels.map((value) => expect.closeTo(value, 6) as number),
    );
  });

  it("puts blue-first channels into the order red, green, blue", () => {
    const normalization = { mean: [0, 0, 0], std: [1, 1, 1], channelOrder: "BGR" } as const;
    expect([...pixelImageOf(tensor([0, 0.5, 1], [1, 3, 1, 1]), normalization).data]).toEqual([1, 0.5, 0]);
  });

  it("replicates grey and clips to 0..1", () => {
    const normalization = { mean: [0], std: [1], channelOrder: "gray" } as const;
    expect([...pixelImageOf(tensor([0.25, 7], [1, 1, 1, 2]), normalization).data]).toEqual([
      0.25, 1, 0.25, 1, 0.25, 1,
    ]);
  });
});
