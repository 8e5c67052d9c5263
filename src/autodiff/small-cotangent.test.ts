import { describe, expect, it } from "vitest";
import { evaluate } from "../../tests/support/evaluate.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { tensor, type Tensor } from "../tensor/tensor.ts";
import { differentiate } from "./differentiate.ts";

type Build = (g: GraphBuilder, x: string) => string;

const mean: Build = (g, x) => g.node("GlobalAveragePool", [x]);
const square: Build = (g, x) => g.mul(x, x);
const weight = (g: GraphBuilder, ...dims: readonly number[]): string => {
  const count = dims.reduce((a, b) => a * b, 1);
  return g.floats(
    Array.from({ length: count }, (_, index) => Math.sin(1 + 1.7 * index)),
    dims,
  );
};

/** What lies between the image and the pool whose gradient stays `[N, C, 1, 1]`. */
const graphs: Readonly<Record<string, Build>> = {
  "a product with a full value": (g, x) => mean(g, g.mul(x, g.unary("Sigmoid", x))),
  "a product with a gate of the same image": (g, x) =>
    mean(g, g.mul(square(g, x), g.unary("Sigmoid", mean(g, x)))),
  "a sum of small and full cotangents": (g, x) => {
    const s = square(g, x);
    return g.add(mean(g, s), g.reduce("ReduceSum", g.mul(s, weight(g, 4, 4, 5)), [2, 3]));
  },
  "a sum of two branches, one broadcast": (g, x) => mean(g, square(g, g.add(x, mean(g, square(g, x))))),
  "a broadcast operand whose axes the cotangent lacks": (g, x) =>
    mean(g, g.add(square(g, x), g.unary("Exp", g.reduce("ReduceMax", x, [2])))),
  "a transpose": (g, x) => g.reduce("ReduceMean", g.transpose(square(g, x), [0, 2, 3, 1]), [1, 2]),
  "a reshape to tokens": (g, x) =>
    g.reduce("ReduceMean", g.reshape(square(g, x), ["batch", 4, 20]), [2], false),
  "a concatenation": (g, x) => mean(g, g.concat([square(g, x), x], 1)),
  "a concatenation along a small axis": (g, x) => mean(g, g.concat([square(g, x), x], 2)),
  "a slice": (g, x) => mean(g, g.slice(square(g, x), [1, 1], [3, 4], [1, 2])),
  "a split": (g, x) => {
    const [a = "", b = ""] = g.split(square(g, x), [1, 3], 1);
    return g.mul(mean(g, a), mean(g, b));
  },
  "a pad": (g, x) => mean(g, g.pad(square(g, x), [0, 0, 1, 0, 0, 0, 2, 1])),
  "an index": (g, x) => mean(g, g.node("Gather", [square(g, x), g.ints([2, 0])], { axis: 1 })),
  "a softmax of channels": (g, x) => mean(g, g.node("Softmax", [x], { axis: 1 })),
  "a log-softmax of an axis that is summed": (g, x) => mean(g, g.node("LogSoftmax", [x], { axis: 3 })),
  "a running sum": (g, x) => mean(g, g.node("CumSum", [square(g, x), g.ints([2], [])])),
  "layer normalisation": (g, x) => mean(g, g.node("LayerNormalization", [x, weight(g, 5)], { axis: -1 })),
  "instance normalisation, squared after a sigmoid": (g, x) =>
    mean(g, square(g, g.unary("Sigmoid", g.node("InstanceNormalization", [x, weight(g, 4), weight(g, 4)])))),
  "a pool of windows": (g, x) =>
    mean(g, g.node("AveragePool", [square(g, x)], { kernel_shape: [3, 3], strides: [2, 2] })),
  "a maximum of windows": (g, x) => mean(g, g.node("MaxPool", [square(g, x)], { kernel_shape: [2, 2] })),
  "a resize": (g, x) =>
    mean(g, g.node("Resize", [square(g, x), "", g.floats([1, 1, 1.5, 2], [4])], { mode: "linear" })),
  "a convolution": (g, x) => mean(g, g.node("Conv", [square(g, x), weight(g, 3, 4, 3, 3)])),
  "a product of matrices": (g, x) => mean(g, g.matmul(square(g, x), weight(g, 5, 6))),
  "channels to pixels": (g, x) => mean(g, g.node("DepthToSpace", [square(g, x)], { blocksize: 2 })),
  "an expansion": (g, x) => mean(g, g.mul(g.expand(mean(g, square(g, x)), [1, 4, 3, 3]), weight(g, 3, 3))),
  "a tiling": (g, x) => mean(g, g.node("Tile", [square(g, x), g.ints([1, 2, 1, 3])])),
  "a mean of means": (g, x) => g.reduce("ReduceMean", mean(g, square(g, x)), [1]),
  "an einsum": (g, x) =>
    mean(g, g.node("Einsum", [square(g, x), weight(g, 5, 3)], { equation: "nchw,wv->nchv" })),
};

describe("small cotangents against central differences", () => {
  it.each(Object.entries(graphs))("through %s", async (_, build) => {
    const g = GraphBuilder.empty();
    g.input("x", ["batch", 4, 4, 5]);
    const y = g.output(build(g, "x"));
    differentiate(g, { of: [y], wrt: ["x"] });
    const at = (count: number, dims: readonly number[], f: (index: number) => number): Tensor =>
      tensor(
        Float32Array.from({ length: count }, (_, index) => f(index)),
        dims,
      );
    const dims = g.dims(y).map((dim) => (typeof dim === "number" ? dim : 2));
    const cotangent = at(
      dims.reduce((a, b) => a * b, 1),
      dims,
      (index) => Math.cos(3 * index),
    );
    const run = (shift: number) =>
      evaluate(g.build(), g.opset, {
        x: at(160, [2, 4, 4, 5], (index) => Math.sin(7 * index) + shift * Math.cos(5 * index)),
        [`cotangent:${y}`]: cotangent,
      });
    const dot = (values: Float32Array, f: (index: number) => number): number =>
      values.reduce((sum, value, index) => sum + value * f(index), 0);
    const step = 1e-3;
    const value = async (shift: number): Promise<number> =>
      dot((await run(shift))[y]?.data as Float32Array, (index) => cotangent.data[index] ?? 0);
    const numeric = ((await value(step)) - (await value(-step))) / (2 * step);
    const gradient = (await run(0))["gradient:x"]?.data as Float32Array;
    const analytic = dot(gradient, (index) => Math.cos(5 * index));
    const norm = Math.sqrt(dot(gradient, (index) => gradient[index] ?? 0));
    expect(gradient).toHaveLength(160);
    expect(norm).toBeGreaterThan(1e-3);
    expect(Math.abs(analytic - numeric) / norm).toBeLessThan(3e-3);
  });
});
