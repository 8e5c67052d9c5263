import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { GraphBuilder, type PlainAttributes } from "../../graph/graph-builder.ts";
import { mersenneStream } from "../../random/random-stream.ts";
import { concreteDim } from "../../graph/graph.ts";
import { elementCount, tensor, type AnyTensor } from "../../tensor/tensor.ts";
import { differentiate } from "../differentiate.ts";

const random = mersenneStream(5);
const draw = (dims: readonly number[]) =>
  tensor(
    Float32Array.from({ length: elementCount(dims) }, () => 2 * random.uniform() - 1),
    dims,
  );

/** The gradient of <c, f(x)> for a fixed random c. */
async function gradientOf(x: AnyTensor, f: (g: GraphBuilder, x: string) => string): Promise<Float32Array> {
  const g = GraphBuilder.empty(17);
  const input = g.input("x", x.dims);
  const y = f(g, input);
  const { cotangents, gradients } = differentiate(g, { of: [y], wrt: [input] });
  const dims = g.dims(y).map((dim) => concreteDim(dim, 1) ?? 1);
  const count = elementCount(dims);
  const cotangent = tensor(
    Float32Array.from({ length: count }, (_, index) => Math.sin(index + 1)),
    dims,
  );
  const result = await evaluate(g.build(), 17, { x, [cotangents[y] ?? ""]: cotangent });
  return result[gradients[input] ?? ""]?.data as Float32Array;
}

const scale = 1 / 64;
const quantised = (g: GraphBuilder, x: string): string =>
  g.node("QuantizeLinear", [
    x,
    g.scalar(scale),
    g.constant({ type: "uint8", dims: [], data: Uint8Array.of(128) }),
  ]);
const zero = (g: GraphBuilder): string => g.constant({ type: "uint8", dims: [], data: Uint8Array.of(128) });
const real = (g: GraphBuilder, x: string): string =>
  g.node("DequantizeLinear", [x, g.scalar(scale), zero(g)]);

function error(found: Float32Array, wanted: Float32Array): number {
  let [difference, size] = [0, 0];
  wanted.forEach((value, index) => {
    difference += ((found[index] ?? Number.NaN) - value) ** 2;
    size += value ** 2;
  });
  return size === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(difference / size);
}

/** Multiples of the scale far from the ends of the range, all different: rounding changes nothing and maxima are the same. */
const grid = (dims: readonly number[]): AnyTensor => {
  const count = elementCount(dims);
  const order = Array.from({ length: count }, (_, index) => (index * 7) % count);
  return tensor(
    Float32Array.from(order, (position) => (position - count / 2) * scale),
    dims,
  );
};

const moving: readonly (readonly [string, readonly (readonly number[])[], PlainAttributes])[] = [
  ["MaxPool", [], { kernel_shape: [2, 2], strides: [2, 2] }],
  ["MaxPool", [], { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] }],
  ["Transpose", [], { perm: [0, 2, 3, 1] }],
  ["Reshape", [[1, -1]], {}],
  ["Slice", [[1], [3], [2]], {}],
  ["Gather", [[2, 0]], { axis: 2 }],
];

describe("gradients through integers that stand for real numbers", () => {
  it.each(moving)("%s moves them", async (opType, operands, attributes) => {
    const x = grid([1, 2, 5, 5].map((size, axis) => (axis > 1 ? 4 : size)));
    const apply = (g: GraphBuilder, value: string): string =>
      g.node(opType, [value, ...operands.map((values) => g.ints(values))], attributes);
    const plain = await gradientOf(x, apply);
    const integer = await gradientOf(x, (g, value) => real(g, apply(g, quantised(g, value))));
    expect(error(integer, plain)).toBeLessThan(1e-6);
  });

  it("Concat and Split move them", async () => {
    const x = grid([1, 4, 3, 3]);
    const apply = (g: GraphBuilder, value: string): string => {
      const [a = "", b = ""] = g.split(value, [1, 3], 1);
      return g.concat([b, a, b], 1);
    };
    const plain = await gradientOf(x, apply);
    const integer = await gradientOf(x, (g, value) => real(g, apply(g, quantised(g, value))));
    expect(error(integer, plain)).toBeLessThan(1e-6);
  });

  it("QLinearMatMul has the gradient of the product of the real numbers, and none where it is clipped", async () => {
    const x = grid([3, 8]);
    const weight = Int8Array.from({ length: 32 }, (_, index) => ((index * 37) % 255) - 127);
    const real = tensor(
      Float32Array.from(weight, (value) => value / 100),
      [8, 4],
    );
    const product = (outputScale: number) => (g: GraphBuilder, value: string) => {
      const b = g.constant({ type: "int8", dims: [8, 4], data: weight });
      const zeroB = g.constant({ type: "int8", dims: [], data: Int8Array.of(0) });
      const y = g.node("QLinearMatMul", [
        quantised(g, value),
        g.scalar(scale),
        zero(g),
        b,
        g.scalar(0.01),
        zeroB,
        g.scalar(outputScale),
        zero(g),
      ]);
      return g.node("DequantizeLinear", [y, g.scalar(outputScale), zero(g)]);
    };
    const plain = await gradientOf(x, (g, value) => g.matmul(value, g.constant(real)));
    expect(error(await gradientOf(x, product(0.1)), plain)).toBeLessThan(1e-5);
    // A scale so small that every result is beyond the range.
    expect((await gradientOf(x, product(1e-6))).every((value) => value === 0)).toBe(true);
  });

  it("integer products of two images' parts have the gradients of both", async () => {
    const x = draw([4, 4]);
    const dynamic = (g: GraphBuilder, value: string): string => {
      const [q = "", s = "", z = ""] = g.nodeMany("DynamicQuantizeLinear", [value], {}, 3);
      const product = g.node("MatMulInteger", [q, g.transpose(q, [1, 0]), z, z]);
      return g.mul(g.cast(product, "float32"), g.mul(s, s));
    };
    const plain = await gradientOf(x, (g, value) => g.matmul(value, g.transpose(value, [1, 0])));
    expect(error(await gradientOf(x, dynamic), plain)).toBeLessThan(0.02);
  });
});
