import type { GraphBuilder } from "../../graph/graph-builder.ts";
import {
  floatAttribute,
  intAttribute,
  stringAttribute,
  type Attribute,
  type GraphNode,
} from "../../graph/graph.ts";
import { elementwise, type Vjp, type VjpContext, type VjpTable } from "../rules.ts";
import { activationVjps, geluDerivative, geluTanhDerivative } from "./activation.ts";
import { range, unsupported } from "./axes.ts";
import { convolutionVjps } from "./convolution.ts";
import { linearVjps } from "./linear.ts";
import { standardise } from "./normalization.ts";

/** Activations whose gradient follows from their output, so that a fused one needs no forward pass of its own. */
const fusedActivations: ReadonlySet<string> = new Set([
  "Clip",
  "HardSigmoid",
  "LeakyRelu",
  "Relu",
  "Sigmoid",
  "Tanh",
]);

/** The cotangent before the activation that ONNX Runtime fused into a node. */
function beforeActivation(context: VjpContext, parameters: readonly number[]): string {
  const { g, node, y, dy } = context;
  const opType = stringAttribute(node, "activation", "");
  if (opType === "") return dy;
  const rule = activationVjps[opType];
  const [first = opType === "LeakyRelu" ? 0.01 : 0.2, second = 0.5] = parameters;
  // LeakyRelu keeps the sign only with a positive slope.
  const isOdd = (opType === "LeakyRelu" && first <= 0) || (opType === "Clip" && parameters.length < 2);
  if (rule === undefined || !fusedActivations.has(opType) || isOdd)
    throw unsupported(node, `the fused activation ${opType}`);
  const attributes: Record<string, Attribute> = {
    alpha: { kind: "float", value: first },
    beta: { kind: "float", value: second },
  };
  const bounds = opType === "Clip" ? [first, second].map((bound) => g.scalar(bound, y)) : [];
  const thunk = rule({ ...context, node: { ...node, opType, attributes }, x: y, inputs: [y, ...bounds] })[0];
  if (thunk === undefined) throw unsupported(node, `the fused activation ${opType}`);
  return thunk();
}

function floatsAttribute(node: GraphNode, name: string): readonly number[] {
  const attribute = node.attributes[name];
  return attribute?.kind === "floats" ? attribute.value : [];
}

/** A fused node is its activation after the plain operator: the plain rule gets the cotangent between them. */
function fused(plain: Vjp | undefined, parameters: (node: GraphNode) => readonly number[]): Vjp {
  return (context) => {
    let before: string | undefined;
    const between = (): string => (before ??= beforeActivation(context, parameters(context.node)));
    const thunks = context.inputs.map((_, index) => () => {
      const thunk = plain?.({ ...context, dy: between() })[index];
      // The last input of FusedConv is added before the activation.
      return thunk === undefined ? between() : thunk();
    });
    return thunks;
  };
}

/** The product of two matrices with the turns that ONNX Runtime fuses into it. */
const fusedMatMul: Vjp = ({ g, node, inputs, composite }) =>
  composite(() => {
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
    return [g.mul(product, floatAttribute(node, "alpha", 1))];
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
  FusedConv: fused(convolutionVjps["Conv"], (node) => floatsAttribute(node, "activation_params")),
  FusedGemm: fused(linearVjps["Gemm"], (node) =>
    ["activation_alpha", "activation_beta"].flatMap((name) =>
      node.attributes[name] === undefined ? [] : [floatAttribute(node, name, 0)],
    ),
  ),
  FusedMatMul: fusedMatMul,
  TransposeMatMul: fusedMatMul,
  SkipLayerNormalization: skipNormalization("LayerNormalization"),
  SkipSimplifiedLayerNormalization: skipNormalization("SimplifiedLayerNormalization"),
  GroupNorm: groupNorm,
};

export const contribVjps: VjpTable = Object.fromEntries(
  Object.entries(microsoftVjps).map(([opType, rule]) => [`com.microsoft:${opType}`, rule]),
);
