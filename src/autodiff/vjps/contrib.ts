import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { floatAttribute, intAttribute, stringAttribute } from "../../graph/graph.ts";
import { elementwise, type Vjp, type VjpContext, type VjpTable } from "../rules.ts";
import { activationVjps, geluDerivative, geluTanhDerivative } from "./activation.ts";
import { append } from "./append-node.ts";
import { axisAttribute, range, unsupported } from "./axes.ts";
import { activationAttributes, fusedConvolution, fusedGemm } from "./fused-activation.ts";
import { standardise } from "./normalization.ts";
import { softmaxVjps } from "./softmax.ts";

/** The product of two matrices with the turns that ONNX Runtime fuses into it. */
function turnedProduct({ g, node, inputs }: VjpContext): string {
  const turned = (value: string, name: "A" | "B"): string => {
    const rank = g.rank(value);
    if (rank < 2) return value;
    let perm = [...range(rank)];
    if (intAttribute(node, `transBatch${name}`, 0) === 1)
      perm = [...perm.slice(1, -1), perm[0] ?? 0, rank - 1];
    if (intAttribute(node, `trans${name}`, 0) === 1)
      perm = [...perm.slice(0, -2), perm[rank - 1] ?? 0, perm[rank - 2] ?? 0];
    return g.transpose(value, perm);
  };
  const product = g.matmul(turned(inputs[0] ?? "", "A"), turned(inputs[1] ?? "", "B"));
  return g.mul(product, floatAttribute(node, "alpha", 1));
}
const fusedMatMul: Vjp = (context) => context.composite(() => [turnedProduct(context)]);

/** Such a product and an activation after it, which has attributes of its own under other names. */
const fusedMatMulActivation: Vjp = (context) => {
  const { g, node } = context;
  const opType = stringAttribute(node, "activation", "");
  if (activationVjps[opType] === undefined && softmaxVjps[opType] === undefined)
    throw unsupported(node, `the fused activation '${opType}'`);
  return context.composite(() => [append(g, opType, [turnedProduct(context)], activationAttributes(node))]);
};

/** softmax(x + bias) over all axes from `axis` on, taken as one. */
const biasSoftmax: Vjp = ({ g, node, inputs, composite }) =>
  composite(() => {
    const sum = biased(g, inputs);
    const axis = axisAttribute(g, node, sum, 1);
    if (axis === g.rank(sum) - 1) return [g.node("Softmax", [sum], { axis: -1 })];
    const flat = g.node("Softmax", [g.node("Flatten", [sum], { axis })], { axis: -1 });
    return [g.reshape(flat, g.dims(sum), sum)];
  });

/** Layer normalisation of a sum; the sum is an output, too. */
function skipNormalization(opType: "LayerNormalization" | "SimplifiedLayerNormalization"): Vjp {
  return ({ g, node, inputs, composite }) =>
    composite(() => {
      const [x = "", skip = "", scale = "", fourth = "", fifth = ""] = inputs;
      const isPlain = opType === "LayerNormalization";
      const [shift, bias] = isPlain ? [fourth, fifth] : ["", fourth];
      const sum = bias === "" ? g.add(x, skip) : g.add(g.add(x, skip), bias);
      const epsilon = { float: floatAttribute(node, "epsilon", 1e-12) };
      const operands = shift === "" ? [sum, scale] : [sum, scale, shift];
      return [g.node(opType, operands, { axis: -1, epsilon }), "", "", sum];
    });
}

/** com.microsoft.GroupNorm: channels last by default, SiLU after it on request. */
const groupNorm: Vjp = ({ g, node, inputs, composite }) =>
  composite(() => {
    const [x = "", scale = "", shift = ""] = inputs;
    const isLast = intAttribute(node, "channels_last", 1) === 1;
    const rank = g.rank(x);
    const spatial = range(rank - 2);
    const image = isLast ? g.transpose(x, [0, rank - 1, ...spatial.map((axis) => axis + 1)]) : x;
    const dims = g.dims(image);
    const groups = intAttribute(node, "groups", 1);
    const size = dims.slice(1).reduce<number>((count, dim) => count * Number(dim), 1) / groups;
    const grouped = g.reshape(image, [dims[0] ?? 1, groups, size]);
    const { normalised } = standardise(g, grouped, [2], floatAttribute(node, "epsilon", 1e-5));
    const weight = (value: string): string =>
      g.cast(g.reshape(value, [g.dim(value, 0), ...spatial.map(() => 1)]), g.type(x));
    const scaled = g.add(g.mul(g.reshape(normalised, dims, image), weight(scale)), weight(shift));
    const y = intAttribute(node, "activation", 0) === 1 ? g.mul(scaled, g.unary("Sigmoid", scaled)) : scaled;
    return [isLast ? g.transpose(y, [0, ...spatial.map((axis) => axis + 2), 1]) : y];
  });

/** x + bias, if there is one. */
function biased(g: GraphBuilder, inputs: readonly string[]): string {
  const [x = "", bias = ""] = inputs;
  return bias === "" ? x : g.add(x, bias);
}

function geluOfSum(derivative: typeof geluDerivative): Vjp {
  const rule = ({ g, inputs, dy }: VjpContext): string => g.mul(dy, derivative({ g, x: biased(g, inputs) }));
  return elementwise(rule, rule);
}

/** Operators that ONNX Runtime's own optimisers write. */
const microsoftVjps: VjpTable = {
  Gelu: geluOfSum(geluDerivative),
  BiasGelu: geluOfSum(geluDerivative),
  FastGelu: geluOfSum(geluTanhDerivative),
  // s = sigmoid(alpha x): s + alpha y (1 - s)
  QuickGelu: elementwise(({ g, node, x, y, dy }) => {
    const alpha = floatAttribute(node, "alpha", 1.702);
    const s = g.unary("Sigmoid", g.mul(x, alpha));
    return g.mul(dy, g.add(s, g.mul(g.mul(y, g.oneMinus(s)), alpha)));
  }),
  FusedConv: fusedConvolution,
  FusedGemm: fusedGemm,
  FusedMatMul: fusedMatMul,
  TransposeMatMul: fusedMatMul,
  FusedMatMulActivation: fusedMatMulActivation,
  BiasSoftmax: biasSoftmax,
  SkipLayerNormalization: skipNormalization("LayerNormalization"),
  SkipSimplifiedLayerNormalization: skipNormalization("SimplifiedLayerNormalization"),
  GroupNorm: groupNorm,
};

export const contribVjps: VjpTable = Object.fromEntries(
  Object.entries(microsoftVjps).map(([opType, rule]) => [`com.microsoft:${opType}`, rule]),
);
