import { describe, expect, it } from "vitest";
import { contribNode } from "../../../tests/support/contrib-node.ts";
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

const fine = 0.1;
/** Scale and zero point of a result whose range nothing leaves. */
const result = (g: GraphBuilder): readonly string[] => [g.scalar(fine), zero(g)];
const realResult = (g: GraphBuilder, y: string): string => g.node("DequantizeLinear", [y, ...result(g)]);
/** A quantised operand with its scale and zero point. */
const operand = (g: GraphBuilder, x: string): readonly string[] => [
  quantised(g, x),
  g.scalar(scale),
  zero(g),
];
/** Integer weights with a scale a channel, and the real numbers that they stand for. */
function weights(
  dims: readonly number[],
  axis: number,
  isPerChannel: boolean,
  type: "int8" | "uint8" = "int8",
) {
  const count = elementCount(dims);
  const zeroPoint = type === "int8" ? 0 : 120;
  const integers = Array.from(
    { length: count },
    (_, index) => ((index * 37) % 201) - 100 + (type === "int8" ? 0 : 120),
  );
  const channels = isPerChannel ? (dims[axis] ?? 1) : 1;
  const scales = Array.from({ length: channels }, (_, index) => 0.01 + 0.002 * index);
  const inner = elementCount(dims.slice(axis + 1));
  const values = integers.map(
    (value, index) => (value - zeroPoint) * (scales[Math.floor(index / inner) % channels] ?? 0),
  );
  const shape = isPerChannel ? [channels] : [];
  const data = type === "int8" ? Int8Array.from(integers) : Uint8Array.from(integers);
  const zeros = Array.from({ length: channels }, () => zeroPoint);
  return {
    real: tensor(values, dims),
    operands: (g: GraphBuilder): readonly string[] => [
      g.constant({ type, dims, data }),
      g.floats(scales, shape),
      g.constant({
        type,
        dims: shape,
        data: type === "int8" ? Int8Array.from(zeros) : Uint8Array.from(zeros),
      }),
    ],
  };
}
type Build = (g: GraphBuilder, x: string) => string;
type Case = readonly [name: string, dims: readonly number[], quantised: Build, plain: Build];

const [toLast, toFirst] = [
  [0, 2, 3, 1],
  [0, 3, 1, 2],
];
const image = [2, 3, 5, 4];
const constants = (g: GraphBuilder, x: string): string =>
  g.constant(grid(g.dims(x).map((dim) => concreteDim(dim, 1) ?? 1)));

const convolutions = (
  [
    ["", [4, 3, 3, 2], {}],
    ["pads and strides", [4, 3, 3, 2], { pads: [1, 0, 2, 1], strides: [2, 1] }],
    ["groups and dilations", [6, 1, 2, 2], { group: 3, dilations: [2, 1] }],
  ] as const
).flatMap(([name, dims, attributes]) =>
  [false, true].flatMap((isPerChannel) => {
    const weight = weights(dims, 0, isPerChannel);
    const bias = (g: GraphBuilder): string =>
      g.constant({
        type: "int32",
        dims: [dims[0]],
        data: Int32Array.from({ length: dims[0] }, (_, index) => 7 * index),
      });
    const plain: Build = (g, x) => g.node("Conv", [x, g.constant(weight.real)], attributes);
    const suffix = [name, isPerChannel ? "a scale a channel" : ""].filter(Boolean).join(", ");
    const operands = (g: GraphBuilder, x: string): readonly string[] => [
      ...operand(g, x),
      ...weight.operands(g),
      ...result(g),
      bias(g),
    ];
    const cases: readonly Case[] = [
      [
        `QLinearConv ${suffix}`,
        image,
        (g, x) => realResult(g, g.node("QLinearConv", operands(g, x), attributes)),
        plain,
      ],
      [
        `com.microsoft QLinearConv ${suffix}`,
        image,
        (g, x) => realResult(g, contribNode(g, "QLinearConv", operands(g, x), attributes)),
        plain,
      ],
      [
        `com.microsoft QLinearConv, channels last, ${suffix}`,
        image,
        (g, x) => {
          const last = contribNode(g, "QLinearConv", operands(g, g.transpose(x, toLast)), {
            ...attributes,
            channels_last: 1,
          });
          return g.transpose(realResult(g, last), toFirst);
        },
        plain,
      ],
    ];
    return cases;
  }),
);

const pairs = (
  [
    ["QLinearAdd", "Add"],
    ["QLinearMul", "Mul"],
  ] as const
).flatMap(([fused, opType]): readonly Case[] => [
  [
    `${fused} of the image and a row`,
    image,
    (g, x) =>
      realResult(
        g,
        contribNode(g, fused, [
          ...operand(g, x),
          ...weights([4], 0, false, "uint8").operands(g),
          ...result(g),
        ]),
      ),
    (g, x) => g.node(opType, [x, g.constant(weights([4], 0, false, "uint8").real)]),
  ],
  [
    `${fused} of a row and the image`,
    image,
    (g, x) =>
      realResult(
        g,
        contribNode(g, fused, [
          ...weights([4], 0, false, "uint8").operands(g),
          ...operand(g, x),
          ...result(g),
        ]),
      ),
    (g, x) => g.node(opType, [g.constant(weights([4], 0, false, "uint8").real), x]),
  ],
  [
    `${fused} of the image with itself`,
    [1, 3, 4],
    (g, x) => realResult(g, contribNode(g, fused, [...operand(g, x), ...operand(g, x), ...result(g)])),
    (g, x) => g.node(opType, [x, x]),
  ],
]);

const pools = (
  [
    ["QLinearAveragePool", "AveragePool", { kernel_shape: [2, 2], strides: [2, 1] }],
    ["QLinearAveragePool", "AveragePool", { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }],
    ["QLinearAveragePool", "AveragePool", { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }],
    ["QLinearAveragePool", "AveragePool", { kernel_shape: [2, 2], strides: [2, 3], ceil_mode: 1 }],
    ["QLinearGlobalAveragePool", "GlobalAveragePool", {}],
  ] as readonly (readonly [string, string, PlainAttributes])[]
).flatMap(([fused, opType, attributes]): readonly Case[] => [
  [
    `${fused} ${JSON.stringify(attributes)}`,
    image,
    (g, x) =>
      realResult(
        g,
        contribNode(g, fused, [...operand(g, x), ...result(g)], { ...attributes, channels_last: 0 }),
      ),
    (g, x) => g.node(opType, [x], attributes),
  ],
  [
    `${fused}, channels last, ${JSON.stringify(attributes)}`,
    image,
    (g, x) => {
      const inputs = [...operand(g, g.transpose(x, toLast)), ...result(g)];
      return g.transpose(
        realResult(g, contribNode(g, fused, inputs, { ...attributes, channels_last: 1 })),
        toFirst,
      );
    },
    (g, x) => g.node(opType, [x], attributes),
  ],
]);

const singles = (
  [
    ["QLinearSigmoid", {}, (g, x) => g.unary("Sigmoid", x)],
    ["QLinearLeakyRelu", {}, (g, x) => g.node("LeakyRelu", [x])],
    [
      "QLinearLeakyRelu",
      { alpha: { float: 0.3 } },
      (g, x) => g.node("LeakyRelu", [x], { alpha: { float: 0.3 } }),
    ],
    ["QLinearSoftmax", { axis: -1, opset: 13 }, (g, x) => g.node("Softmax", [x], { axis: -1 })],
    ["QLinearSoftmax", { axis: 1, opset: 13 }, (g, x) => g.node("Softmax", [x], { axis: 1 })],
    [
      "QLinearSoftmax",
      { axis: 2, opset: 12 },
      (g, x) => g.reshape(g.node("Softmax", [g.reshape(x, [6, 20])], { axis: -1 }), image),
    ],
  ] as readonly (readonly [string, PlainAttributes, Build])[]
).map(([opType, attributes, plain]): Case => [
  `${opType} ${JSON.stringify(attributes)}`,
  image,
  (g, x) => {
    const range =
      opType === "QLinearSoftmax"
        ? [g.scalar(1 / 256), g.constant({ type: "uint8", dims: [], data: Uint8Array.of(0) })]
        : result(g);
    const y = contribNode(g, opType, [...operand(g, x), ...range], attributes);
    return g.node("DequantizeLinear", [y, ...range]);
  },
  plain,
]);

const matrices = [false, true].flatMap((isPerColumn): readonly Case[] => {
  const weight = weights([8, 4], 1, isPerColumn);
  const turned = weights([4, 8], 0, isPerColumn);
  const unsigned = weights([8, 4], 1, isPerColumn, "uint8");
  const suffix = isPerColumn ? ", a scale a column" : "";
  const bias = (g: GraphBuilder): string => g.floats([1, 2, 3, 4], [4]);
  const int32 = (g: GraphBuilder): string =>
    g.constant({ type: "int32", dims: [4], data: Int32Array.of(5, -6, 7, 80) });
  const product: Build = (g, x) => g.matmul(x, g.constant(weight.real));
  return [
    [
      `QLinearMatMul${suffix}`,
      [2, 3, 8],
      (g, x) =>
        realResult(g, g.node("QLinearMatMul", [...operand(g, x), ...weight.operands(g), ...result(g)])),
      product,
    ],
    [
      `QGemm${suffix}`,
      [3, 8],
      (g, x) =>
        realResult(
          g,
          contribNode(g, "QGemm", [...operand(g, x), ...weight.operands(g), int32(g), ...result(g)]),
        ),
      product,
    ],
    [
      `QGemm to floats, B turned, alpha${suffix}`,
      [3, 8],
      (g, x) =>
        contribNode(g, "QGemm", [...operand(g, x), ...turned.operands(g)], {
          transB: 1,
          alpha: { float: 0.5 },
        }),
      (g, x) => g.mul(g.matmul(x, g.transpose(g.constant(turned.real), [1, 0])), 0.5),
    ],
    [
      `QGemm to floats, A turned${suffix}`,
      [8, 3],
      (g, x) => contribNode(g, "QGemm", [...operand(g, x), ...weight.operands(g), int32(g)], { transA: 1 }),
      (g, x) => g.matmul(g.transpose(x, [1, 0]), g.constant(weight.real)),
    ],
    [
      `MatMulIntegerToFloat with a bias${suffix}`,
      [2, 3, 8],
      (g, x) => {
        const [a = "", scaleA = "", zeroA = ""] = operand(g, x);
        const [b = "", scaleB = "", zeroB = ""] = unsigned.operands(g);
        return contribNode(g, "MatMulIntegerToFloat", [a, b, scaleA, scaleB, zeroA, zeroB, bias(g)]);
      },
      (g, x) => g.matmul(x, g.constant(unsigned.real)),
    ],
    [
      `DynamicQuantizeMatMul with a bias${suffix}`,
      [2, 3, 8],
      (g, x) => contribNode(g, "DynamicQuantizeMatMul", [x, ...weight.operands(g), bias(g)]),
      product,
    ],
    [
      `MatMulInteger${suffix}`,
      [2, 3, 8],
      (g, x) => {
        const [a = "", , zeroA = ""] = operand(g, x);
        const [b = "", scaleB = "", zeroB = ""] = weight.operands(g);
        const integers = g.node("MatMulInteger", [a, b, zeroA, zeroB]);
        return g.mul(g.mul(g.cast(integers, "float32"), scale), scaleB);
      },
      product,
    ],
  ];
});

const others: readonly Case[] = [
  [
    "QLinearConcat of the image, a constant and the image",
    image,
    (g, x) => {
      const parts = [...operand(g, x), ...operand(g, constants(g, x)), ...operand(g, x)];
      return realResult(g, contribNode(g, "QLinearConcat", [...result(g), ...parts], { axis: 1 }));
    },
    (g, x) => g.concat([x, constants(g, x), x], 1),
  ],
  [
    "ConvInteger with pads, groups and strides",
    image,
    (g, x) => {
      const [a = "", , zeroA = ""] = operand(g, x);
      const [w = "", scaleW = "", zeroW = ""] = weights([6, 1, 3, 2], 0, false, "uint8").operands(g);
      const attributes = { group: 3, pads: [1, 1, 0, 1], strides: [2, 1] };
      const integers = g.node("ConvInteger", [a, w, zeroA, zeroW], attributes);
      return g.mul(g.mul(g.cast(integers, "float32"), scale), scaleW);
    },
    (g, x) =>
      g.node("Conv", [x, g.constant(weights([6, 1, 3, 2], 0, false, "uint8").real)], {
        group: 3,
        pads: [1, 1, 0, 1],
        strides: [2, 1],
      }),
  ],
  ...[{}, { unidirectional: 1 }].map((attributes): Case => {
    const weight = weights([8, 24], 1, false);
    const bias = (g: GraphBuilder): string => g.constant(grid([24]));
    const mask = (g: GraphBuilder): string =>
      g.constant({ type: "int32", dims: [2, 3], data: Int32Array.of(1, 1, 0, 1, 0, 1) });
    return [
      `QAttention ${JSON.stringify(attributes)}`,
      [2, 3, 8],
      (g, x) => {
        const [a = "", scaleA = "", zeroA = ""] = operand(g, x);
        const [w = "", scaleW = "", zeroW = ""] = weight.operands(g);
        const inputs = [a, w, bias(g), scaleA, scaleW, mask(g), zeroA, zeroW];
        return contribNode(g, "QAttention", inputs, { num_heads: 2, ...attributes });
      },
      (g, x) =>
        contribNode(g, "Attention", [x, g.constant(weight.real), bias(g), mask(g)], {
          num_heads: 2,
          ...attributes,
        }),
    ];
  }),
];

describe("gradients of arithmetic on integers", () => {
  it.each([...convolutions, ...pairs, ...pools, ...singles, ...matrices, ...others])(
    "%s has that of the real numbers",
    async (_, dims, integer, plain) => {
      const x = grid(dims);
      const wanted = await gradientOf(x, plain);
      expect(wanted.some((value) => Math.abs(value) > 1e-3)).toBe(true);
      // Operands that are quantised on the way are rounded, so that what multiplies them is, too.
      expect(error(await gradientOf(x, integer), wanted)).toBeLessThan(1e-4);
    },
  );
});
