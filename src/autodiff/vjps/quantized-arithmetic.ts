import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { intAttribute, type Attributes, type GraphNode } from "../../graph/graph.ts";
import type { Vjp, VjpContext, VjpTable } from "../rules.ts";
import { axisAttribute, range, unsupported } from "./axes.ts";
import { integerRanges } from "./quantization.ts";

/**
 * Gradients of arithmetic on integers, by the real numbers that the integers stand for: `DequantizeLinear` of the operands, the
 * plain operator, and nothing where the result was clipped. Only the backward nodes of these are kept, so that the score
 * stays that of the quantised operator.
 */

/** Appends a node with ready attributes. */
function append(
  g: GraphBuilder,
  opType: string,
  inputs: readonly string[],
  attributes: Attributes = {},
  domain = "",
): string {
  const output = g.uniqueName(`${inputs[0] ?? ""}/${opType.toLowerCase()}`);
  g.appendNode({ name: output, opType, domain, inputs, outputs: [output], attributes });
  return output;
}

/** The real numbers of a quantised operand; `axis` for a scale a channel. */
function real(g: GraphBuilder, x: string, scale: string, zeroPoint = "", axis = 0): string {
  const inputs = zeroPoint === "" ? [x, scale] : [x, scale, zeroPoint];
  const isPerAxis = g.rank(scale) === 1 && g.dim(scale, 0) !== 1;
  return append(g, "DequantizeLinear", inputs, isPerAxis ? { axis: { kind: "int", value: axis } } : {});
}

/** `value` where the quantised result lies inside the range of its type, 0 where it was clipped. */
function unclipped({ g, node, y }: VjpContext, value: string): string {
  const limits = integerRanges[g.type(y)];
  if (limits === undefined) throw unsupported(node, `the type ${g.type(y)}`);
  const integers = g.cast(y, "float32");
  const isInside = g.node("And", [g.greater(integers, limits[0]), g.less(integers, limits[1])]);
  return g.where(isInside, value, 0);
}

function without(attributes: Attributes, ...names: readonly string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)));
}

const toFirst = (rank: number): readonly number[] => [0, rank - 1, ...range(rank - 2, 1)];
const toLast = (rank: number): readonly number[] => [0, ...range(rank - 2, 2), 1];

/** Runs `inner` on a value with channels first, where the operator has them last. */
function channelsFirst(g: GraphBuilder, node: GraphNode, x: string, inner: (x: string) => string): string {
  if (intAttribute(node, "channels_last", 0) !== 1) return inner(x);
  const rank = g.rank(x);
  return g.transpose(inner(g.transpose(x, toFirst(rank))), toLast(rank));
}

const convolution: Vjp = (context) => {
  const { g, node, inputs, composite } = context;
  const [x = "", scale = "", zero, w = "", weightScale = "", weightZero] = inputs;
  const attributes = without(node.attributes, "channels_last");
  return composite(() => {
    const weight = real(g, w, weightScale, weightZero);
    const y = channelsFirst(g, node, real(g, x, scale, zero), (image) =>
      append(g, "Conv", [image, weight], attributes),
    );
    return [unclipped(context, y)];
  });
};

const matMul: Vjp = (context) => {
  const { g, inputs, composite } = context;
  const [a = "", scaleA = "", zeroA, b = "", scaleB = "", zeroB] = inputs;
  return composite(() => {
    const right = real(g, b, scaleB, zeroB, g.rank(b) - 1);
    return [unclipped(context, g.matmul(real(g, a, scaleA, zeroA, g.rank(a) - 2), right))];
  });
};

/** com.microsoft.QGemm: A, B and C with a scale and zero point of the result if that is quantised. */
const gemm: Vjp = (context) => {
  const { g, node, inputs, composite } = context;
  const [a = "", scaleA = "", zeroA, b = "", scaleB = "", zeroB, , outputScale = ""] = inputs;
  return composite(() => {
    const weight = real(g, b, scaleB, zeroB, intAttribute(node, "transB", 0) === 1 ? 0 : 1);
    const y = append(g, "Gemm", [real(g, a, scaleA, zeroA), weight], node.attributes);
    return [outputScale === "" ? y : unclipped(context, y)];
  });
};

/** com.microsoft.QLinearAdd and QLinearMul. */
function pair(opType: "Add" | "Mul"): Vjp {
  return (context) => {
    const { g, inputs, composite } = context;
    const [a = "", scaleA = "", zeroA, b = "", scaleB = "", zeroB] = inputs;
    return composite(() => {
      const y = append(g, opType, [real(g, a, scaleA, zeroA), real(g, b, scaleB, zeroB)]);
      return [unclipped(context, y)];
    });
  };
}

/** Operators of one quantised operand: x, scale, zero point, and those of the result. */
function single(opType: string): Vjp {
  return (context) => {
    const { g, node, inputs, composite } = context;
    const [x = "", scale = "", zero] = inputs;
    const attributes = without(node.attributes, "channels_last");
    return composite(() => {
      const y = channelsFirst(g, node, real(g, x, scale, zero), (value) =>
        append(g, opType, [value], attributes),
      );
      return [unclipped(context, y)];
    });
  };
}

/** com.microsoft.QLinearSoftmax: over all axes from `axis` on, taken as one, where it stands for the operator before opset 13. */
const softmax: Vjp = (context) => {
  const { g, node, inputs, composite } = context;
  const [x = "", scale = "", zero] = inputs;
  return composite(() => {
    const value = real(g, x, scale, zero);
    const axis = axisAttribute(g, node, x, -1);
    if (intAttribute(node, "opset", 13) >= 13)
      return [unclipped(context, g.node("Softmax", [value], { axis }))];
    const flat = g.node("Softmax", [g.node("Flatten", [value], { axis })], { axis: -1 });
    return [unclipped(context, g.reshape(flat, g.dims(x), x))];
  });
};

/** com.microsoft.QLinearConcat: scale and zero point of the result, then three inputs a part. */
const concat: Vjp = (context) => {
  const { g, node, inputs, composite } = context;
  return composite(() => {
    const parts = range((inputs.length - 2) / 3).map((index) => {
      const [x = "", scale = "", zero] = inputs.slice(2 + 3 * index);
      return real(g, x, scale, zero);
    });
    return [unclipped(context, append(g, "Concat", parts, node.attributes))];
  });
};

/** The scale of the quantised operand of an integer product: it is not an input of the operator but of what made the operand. */
function scaleBehind(g: GraphBuilder, node: GraphNode, x: string): string {
  let value = x;
  for (;;) {
    const producer = g.allNodes.find((candidate) => candidate.outputs.includes(value));
    if (producer === undefined) throw unsupported(node, "an operand whose scale is not known");
    if (producer.opType === "DynamicQuantizeLinear") return producer.outputs[1] ?? "";
    if (producer.opType === "QuantizeLinear") return producer.inputs[1] ?? "";
    value = producer.inputs[0] ?? "";
  }
}

/** The integers of an operand less their zero point, as floats whose cotangent is that of the real numbers. */
function centred(
  { g, node, needs }: VjpContext,
  index: number,
  [x, zeroPoint = ""]: readonly [string, string | undefined],
  channelAxis: number,
): string {
  if (needs[index] === true) {
    const scale = scaleBehind(g, node, x);
    return g.div(real(g, x, scale, zeroPoint), scale);
  }
  const integers = g.cast(x, "float32");
  if (zeroPoint === "") return integers;
  const zero = g.cast(zeroPoint, "float32");
  if (g.rank(zero) === 0 || g.dim(zero, 0) === 1) return g.sub(integers, g.reshape(zero, []));
  const shape = range(g.rank(x)).map((axis) => (axis === channelAxis ? g.dim(zero, 0) : 1));
  return g.sub(integers, g.reshape(zero, shape));
}

/** The sum of products as int32; the scales come after it. */
const matMulInteger: Vjp = (context) => {
  const { g, inputs, composite } = context;
  const [a = "", b = "", zeroA, zeroB] = inputs;
  return composite(() => [
    g.matmul(centred(context, 0, [a, zeroA], g.rank(a) - 2), centred(context, 1, [b, zeroB], g.rank(b) - 1)),
  ]);
};

const convInteger: Vjp = (context) => {
  const { g, node, inputs, composite } = context;
  const [x = "", w = "", zeroX, zeroW] = inputs;
  return composite(() => [
    append(
      g,
      "Conv",
      [centred(context, 0, [x, zeroX], 1), centred(context, 1, [w, zeroW], 0)],
      node.attributes,
    ),
  ]);
};

/** com.microsoft.MatMulIntegerToFloat: A, B, their scales, their zero points, bias. */
const matMulIntegerToFloat: Vjp = ({ g, inputs, composite }) => {
  const [a = "", b = "", scaleA = "", scaleB = "", zeroA, zeroB] = inputs;
  return composite(() => [
    g.matmul(real(g, a, scaleA, zeroA, g.rank(a) - 2), real(g, b, scaleB, zeroB, g.rank(b) - 1)),
  ]);
};

/** com.microsoft.DynamicQuantizeMatMul: a float operand that is quantised on the way, B, its scale and zero point, bias. */
const dynamicMatMul: Vjp = ({ g, inputs, composite }) => {
  const [a = "", b = "", scaleB = "", zeroB] = inputs;
  return composite(() => [g.matmul(a, real(g, b, scaleB, zeroB, g.rank(b) - 1))]);
};

/** com.microsoft.QAttention: Attention on the real numbers of its operands. */
const attention: Vjp = ({ g, node, inputs, composite }) => {
  const [
    x = "",
    weight = "",
    bias = "",
    scale = "",
    weightScale = "",
    mask = "",
    zero,
    weightZero,
    past = "",
  ] = inputs;
  if (past !== "") throw unsupported(node, "past keys");
  return composite(() => [
    append(
      g,
      "Attention",
      [
        real(g, x, scale, zero),
        real(g, weight, weightScale, weightZero, 1),
        bias,
        ...(mask === "" ? [] : [mask]),
      ],
      node.attributes,
      "com.microsoft",
    ),
  ]);
};

const microsoftVjps: VjpTable = {
  QLinearConv: convolution,
  QLinearAdd: pair("Add"),
  QLinearMul: pair("Mul"),
  QLinearSigmoid: single("Sigmoid"),
  QLinearLeakyRelu: single("LeakyRelu"),
  QLinearSoftmax: softmax,
  QLinearGlobalAveragePool: single("GlobalAveragePool"),
  QLinearAveragePool: single("AveragePool"),
  QLinearConcat: concat,
  QGemm: gemm,
  QAttention: attention,
  MatMulIntegerToFloat: matMulIntegerToFloat,
  DynamicQuantizeMatMul: dynamicMatMul,
};

export const quantizedArithmeticVjps: VjpTable = {
  QLinearConv: convolution,
  QLinearMatMul: matMul,
  MatMulInteger: matMulInteger,
  ConvInteger: convInteger,
  // The integers carry the cotangent of the real numbers. Their range follows x, so that nothing is clipped.
  DynamicQuantizeLinear: ({ g, x, dy }) => [() => g.cast(dy, g.type(x))],
  ...Object.fromEntries(Object.entries(microsoftVjps).map(([name, rule]) => [`com.microsoft:${name}`, rule])),
};
