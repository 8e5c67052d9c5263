import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import type { Shape } from "../graph/graph.ts";
import { readModel } from "../onnx/read.ts";
import { writeModel } from "../onnx/write.ts";
import type { ElementType } from "../tensor/tensor.ts";
import { leadingAffine, type LeadingAffine } from "./leading-affine.ts";
import { analyseNetwork } from "./network.ts";

type Build = (g: GraphBuilder, x: string) => string;

/** What is found of a network that begins as given (in `[batch, 3, H, W]` from there on) and has a convolution after it. */
function found(
  build: Build,
  dims: Shape = ["batch", 3, 8, 8],
  type: ElementType = "float32",
): LeadingAffine | undefined {
  const g = GraphBuilder.empty(17);
  const x = build(g, g.input("x", dims, type));
  const weights = g.floats(
    Array.from({ length: 6 }, (_, index) => index - 2),
    [2, 3, 1, 1],
  );
  const features = g.unary("Relu", g.node("Conv", [x, weights]));
  g.output(g.node("Flatten", [g.unary("GlobalAveragePool", features)], { axis: 1 }), "logits");
  const { bytes } = writeModel({ graph: g.build(), opsets: new Map([["", 17]]) });
  return leadingAffine(analyseNetwork(readModel(bytes)));
}

const rounded = (affine: LeadingAffine | undefined) =>
  affine && {
    scale: affine.scale.map((value) => Number(value.toPrecision(5))),
    bias: affine.bias.map((value) => Number(value.toPrecision(5))),
  };

describe("leadingAffine", () => {
  it("finds nothing where the graph begins with its first layer", () => {
    expect(found((_, x) => x)).toBeUndefined();
    expect(found((g, x) => g.transpose(x, [0, 3, 1, 2]), ["batch", 8, 8, 3])).toBeUndefined();
  });

  it("joins scalings and shifts", () => {
    expect(rounded(found((g, x) => g.sub(g.div(x, 127.5), 1)))).toEqual({
      scale: [1 / 127.5, 1 / 127.5, 1 / 127.5].map((value) => Number(value.toPrecision(5))),
      bias: [-1, -1, -1],
    });
    expect(rounded(found((g, x) => g.sub(1, g.mul(g.add(x, 3), 2))))).toEqual({
      scale: [-2, -2, -2],
      bias: [-5, -5, -5],
    });
  });

  it("reads values of each channel, before a transpose and behind it", () => {
    const mean = [1, 2, 3];
    const expected = { scale: [1, 1, 1], bias: [-1, -2, -3] };
    expect(rounded(found((g, x) => g.sub(x, g.floats(mean, [1, 3, 1, 1]))))).toEqual(expected);
    const before: Build = (g, x) => g.transpose(g.sub(x, g.floats(mean, [3])), [0, 3, 1, 2]);
    expect(rounded(found(before, ["batch", 8, 8, 3]))).toEqual(expected);
    const after: Build = (g, x) => g.sub(g.transpose(x, [0, 3, 1, 2]), g.floats(mean, [3, 1, 1]));
    expect(rounded(found(after, ["batch", 8, 8, 3]))).toEqual(expected);
  });

  it("gives the values in the order in which channels go in where the graph reverses them", () => {
    const reversed: Build = (g, x) =>
      g.sub(g.node("Gather", [x, g.ints([2, 1, 0])], { axis: 1 }), g.floats([1, 2, 3], [3, 1, 1]));
    expect(found(reversed)).toMatchObject({ bias: [-3, -2, -1], isReversed: true });
    const sliced: Build = (g, x) =>
      g.sub(g.slice(x, [-1], [-(2 ** 31)], [1], [-1]), g.floats([1, 2, 3], [3, 1, 1]));
    expect(found(sliced)).toMatchObject({ bias: [-3, -2, -1], isReversed: true });
  });

  it("reads a normalisation layer", () => {
    const normalised: Build = (g, x) =>
      g.node(
        "BatchNormalization",
        [
          x,
          g.floats([1, 1, 1], [3]),
          g.floats([0, 0, 0], [3]),
          g.floats([4, 4, 4], [3]),
          g.floats([4, 4, 4], [3]),
        ],
        { epsilon: { float: 0 } },
      );
    expect(rounded(found(normalised))).toEqual({ scale: [0.5, 0.5, 0.5], bias: [-2, -2, -2] });
  });

  it("stops where the image is used twice", () => {
    expect(found((g, x) => g.mul(g.div(x, 255), g.unary("Sigmoid", x)))).toBeUndefined();
  });
});
