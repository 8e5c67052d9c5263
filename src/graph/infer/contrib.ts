import { globalPool, convolution, poolDims, convolutionDims } from "./window.ts";
import { broadcastDims } from "./broadcast.ts";
import {
  axisOf,
  dimOf,
  knownValue,
  sameShape,
  type InferContext,
  type InferRule,
  type InferTable,
} from "./context.ts";
import { gemm, gemmDims, matMul, matMulDims } from "./linear.ts";
import { multiHeadAttention, packedAttention } from "./attention.ts";
import { layerNormalization } from "./normalization.ts";
import { quantizedSame, zeroPointType } from "./quantization.ts";
import type { KnownValue } from "../infer-node.ts";

const passive: InferRule = (c) => [sameShape(c)];

const fusedMatMul: InferRule = (c) => {
  const turn = (dims: readonly number[], name: string): readonly number[] => {
    const batchFirst =
      c.int(`transBatch${name}`, 0) === 1 ? [...dims.slice(1, -1), dims[0] ?? 0, ...dims.slice(-1)] : dims;
    if (c.int(`trans${name}`, 0) !== 1 || dims.length < 2) return batchFirst;
    return [...batchFirst.slice(0, -2), ...batchFirst.slice(-2).toReversed()];
  };
  const a = c.input(0);
  return [knownValue(c, a.type, matMulDims(c, turn(a.dims, "A"), turn(c.input(1).dims, "B")))];
};

/** Moves the channels of `[N, ..., C]` to axis 1. */
const channelsFirst = (x: KnownValue): KnownValue => ({
  type: x.type,
  dims: [x.dims[0] ?? 0, x.dims.at(-1) ?? 0, ...x.dims.slice(1, -1)],
});
const channelsLast = (dims: readonly number[]): readonly number[] => [
  dims[0] ?? 0,
  ...dims.slice(2),
  dims[1] ?? 0,
];

const nhwcConv: InferRule = (c) => {
  const x = c.input(0);
  return [knownValue(c, x.type, channelsLast(convolutionDims(c, channelsFirst(x), c.input(1))))];
};

const nhwcMaxPool: InferRule = (c) => {
  const x = c.input(0);
  return [knownValue(c, x.type, channelsLast(poolDims(c, channelsFirst(x))))];
};

const skipNormalization: InferRule = (c) => {
  const [, mean] = layerNormalization(c);
  const y = sameShape(c);
  return mean === undefined ? [y] : [y, mean, mean, y];
};

const quantizedPair: InferRule = (c) => {
  const a = c.input(0);
  return [knownValue(c, a.type, broadcastDims(c, [a.dims, c.input(3).dims]))];
};

const quantizedGlobalPool: InferRule = (c) => {
  if (c.int("channels_last", 0) === 0) return globalPool(c);
  const x = c.input(0);
  return [
    knownValue(
      c,
      x.type,
      x.dims.map((dim, axis) => (axis === 0 || axis === x.dims.length - 1 ? dim : 1)),
    ),
  ];
};

const quantizedConvolution: InferRule = (c) => {
  const x = c.input(0);
  const isLast = c.int("channels_last", 0) === 1;
  const dims = convolutionDims(c, isLast ? channelsFirst(x) : x, c.input(3));
  return [knownValue(c, zeroPointType(7)(c), isLast ? channelsLast(dims) : dims)];
};

// The input is quantised, the result has the type of the scales.
const quantizedAttention: InferRule = (c) =>
  packedAttention(c).map(({ dims }) => knownValue(c, c.input(3).type, dims));

const quantizedPool: InferRule = (c) => {
  const x = c.input(0);
  const isLast = c.int("channels_last", 0) === 1;
  return [knownValue(c, x.type, isLast ? channelsLast(poolDims(c, channelsFirst(x))) : poolDims(c, x))];
};

// Scale and zero point of the result, then (tensor, scale, zero point) of each part.
const quantizedConcat: InferRule = (c) => {
  const parts = c.inputs.slice(2).filter((_, index) => index % 3 === 0);
  const first = c.input(2);
  const axis = axisOf(c, c.int("axis", 0), first.dims.length);
  const total = parts.reduce((sum, part) => sum + (part?.dims[axis] ?? 0), 0);
  return [knownValue(c, first.type, first.dims.with(axis, total))];
};

const quantizedGemm: InferRule = (c) => [
  knownValue(c, c.optional(8)?.type ?? "float32", gemmDims(c, c.input(0), c.input(3))),
];

const halves: InferRule = (c) => {
  const x = c.input(0);
  return [knownValue(c, x.type, [...x.dims.slice(0, -1), (x.dims.at(-1) ?? 0) / 2])];
};

const matMulNBits: InferRule = (c) => {
  const a = c.input(0);
  if (dimOf(c, a, a.dims.length - 1) !== c.int("K", 0))
    c.fail(`the operand [${a.dims.join(", ")}] does not have K = ${c.int("K", 0)}.`);
  return [knownValue(c, a.type, [...a.dims.slice(0, -1), c.int("N", 0)])];
};

const float32 = () => "float32" as const;

/** Operators that ONNX Runtime's own optimisers and quantisers write (`com.microsoft`). */
export const contribRules: InferTable = {
  FusedConv: convolution(0, 1),
  FusedGemm: gemm,
  GemmFloat8: gemm,
  FusedMatMul: fusedMatMul,
  FusedMatMulActivation: fusedMatMul,
  TransposeMatMul: fusedMatMul,
  NhwcConv: nhwcConv,
  NhwcFusedConv: nhwcConv,
  NhwcMaxPool: nhwcMaxPool,
  Gelu: passive,
  FastGelu: passive,
  BiasGelu: passive,
  QuickGelu: passive,
  BiasSplitGelu: halves,
  BiasAdd: passive,
  BiasDropout: (c: InferContext) => [sameShape(c), knownValue(c, "bool", c.input(0).dims)],
  BiasSoftmax: passive,
  Inverse: passive,
  GroupNorm: passive,
  SkipGroupNorm: (c) => [sameShape(c), sameShape(c)],
  LayerNormalization: layerNormalization,
  SkipLayerNormalization: skipNormalization,
  SkipSimplifiedLayerNormalization: skipNormalization,
  MultiHeadAttention: multiHeadAttention,
  Attention: packedAttention,
  QAttention: quantizedAttention,
  RotaryEmbedding: passive,
  MatMulNBits: matMulNBits,
  DynamicQuantizeMatMul: matMul(0, 1),
  MatMulIntegerToFloat: matMul(0, 1, float32),
  QLinearAdd: quantizedPair,
  QLinearMul: quantizedPair,
  QLinearSigmoid: quantizedSame,
  QLinearLeakyRelu: quantizedSame,
  QLinearSoftmax: quantizedSame,
  QLinearGlobalAveragePool: quantizedGlobalPool,
  QLinearAveragePool: quantizedPool,
  QLinearConcat: quantizedConcat,
  QLinearConv: quantizedConvolution,
  QGemm: quantizedGemm,
  QuantizeLinear: (c) => [knownValue(c, c.optional(2)?.type ?? "uint8", c.input(0).dims)],
  DequantizeLinear: (c) => [knownValue(c, c.input(1).type, c.input(0).dims)],
};
