import { elementCount } from "../../tensor/tensor.ts";
import { einsumTerms } from "../infer/linear.ts";
import { inferContext } from "../infer/context.ts";
import { intAttribute, intsAttribute, type GraphNode } from "../graph.ts";
import type { KnownValue } from "../infer-node.ts";

/**
 * Where a value that depends on the image holds the batch: as a factor of one axis. `outer` counts the positions on that
 * axis that are slower than the batch: an axis of `tokens * batch` has `outer = tokens`, one of `batch * windows` has 1.
 */
export interface BatchRole {
  readonly axis: number;
  readonly outer: number;
}

/** What a rule sees: the node, the roles of its inputs and the shapes at batch 1. */
interface RoleContext {
  readonly node: GraphNode;
  readonly roles: readonly (BatchRole | undefined)[];
  readonly inputs: readonly (KnownValue | undefined)[];
  readonly outputs: readonly (KnownValue | undefined)[];
  readonly opset: number;
}

/** The role of all outputs, or `undefined` if images of a batch would mix or get lost. */
type RoleRule = (c: RoleContext) => BatchRole | undefined;

const rankOf = (value: KnownValue | undefined): number => value?.dims.length ?? 0;
const outputRank = (c: RoleContext): number => rankOf(c.outputs[0]);

/** All roles that there are, moved to the axes of the output, must be the same one. */
function agree(roles: readonly (BatchRole | undefined)[]): BatchRole | undefined {
  const present = roles.filter((role) => role !== undefined);
  const [first] = present;
  const isSame = present.every((role) => role.axis === first?.axis && role.outer === first.outer);
  return first !== undefined && first.axis >= 0 && isSame ? first : undefined;
}

const aligned: RoleRule = (c) => {
  const lead = (index: number): number => outputRank(c) - rankOf(c.inputs[index]);
  return agree(c.roles.map((role, index) => role && { ...role, axis: role.axis + lead(index) }));
};

/** Only input 0 may depend on the image. */
const first = (c: RoleContext): BatchRole | undefined =>
  c.roles.every((role, index) => index === 0 || role === undefined) ? c.roles[0] : undefined;

/** Windows and channel statistics: the batch has to be the first axis, and weights must not depend on the image. */
const perImage: RoleRule = (c) => {
  const role = first(c);
  return role?.axis === 0 ? role : undefined;
};

/** As `perImage`, where a further image may be added. */
const sameImage: RoleRule = (c) => {
  const role = agree(c.roles);
  return role?.axis === 0 ? role : undefined;
};

/** Products with a weight along the last axis. */
const fromLast: RoleRule = (c) => {
  const role = first(c);
  return role && role.axis < rankOf(c.inputs[0]) - 1 ? role : undefined;
};

const along =
  (fallback: number): RoleRule =>
  (c) => {
    const role = first(c);
    const axis = intAttribute(c.node, "axis", fallback);
    return role && (axis < 0 ? axis + rankOf(c.inputs[0]) : axis) !== role.axis ? role : undefined;
  };

/** From some axis to the last: the batch has to be before. */
const fromAxis: RoleRule = (c) => {
  const role = first(c);
  const axis = intAttribute(c.node, "axis", -1);
  return role && (axis < 0 ? axis + rankOf(c.inputs[0]) : axis) > role.axis ? role : undefined;
};

/**
 * The role after the elements are laid out anew in `to`, a shape at batch 1. The batch goes where as many positions are
 * before it as were before it in `from`. Where two axes fit ([L, 1, E] to [L, E] is [L * batch, E] or [L, batch * E]),
 * both are exact; an axis that is the batch alone is preferred, then the rows of a matrix, then the later axis.
 */
export function reshapeRole(
  role: BatchRole,
  from: readonly number[],
  to: readonly number[],
): BatchRole | undefined {
  const before = elementCount(from.slice(0, role.axis)) * role.outer;
  const candidates: BatchRole[] = [];
  let count = 1;
  for (const [axis, size] of to.entries()) {
    const outer = before / count;
    const isNew = axis === 0 || to[axis - 1] !== 1;
    if (isNew && Number.isInteger(outer) && size % outer === 0) candidates.push({ axis, outer });
    count *= size;
  }
  const alone = candidates.find(({ axis, outer }) => outer === 1 && to[axis] === 1);
  return alone ?? (to.length === 2 ? candidates[0] : candidates.at(-1));
}

const reshape: RoleRule = (c) => {
  const role = first(c);
  const [x] = c.inputs;
  const [y] = c.outputs;
  return role && x && y && reshapeRole(role, x.dims, y.dims);
};

const transpose: RoleRule = (c) => {
  const [role] = c.roles;
  const rank = rankOf(c.inputs[0]);
  const perm = intsAttribute(c.node, "perm") ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  return role && { ...role, axis: perm.indexOf(role.axis) };
};

const concat: RoleRule = (c) => {
  const role = aligned(c);
  const axis = intAttribute(c.node, "axis", 1);
  return (axis < 0 ? axis + outputRank(c) : axis) === role?.axis ? undefined : role;
};

const gather: RoleRule = (c) => {
  const [data, indices] = c.roles;
  const given = intAttribute(c.node, "axis", 0);
  const axis = given < 0 ? given + rankOf(c.inputs[0]) : given;
  if (data !== undefined && indices !== undefined) return undefined;
  if (data === undefined) return indices && { ...indices, axis: indices.axis + axis };
  if (data.axis === axis) return undefined;
  return data.axis < axis ? data : { ...data, axis: data.axis + rankOf(c.inputs[1]) - 1 };
};

const reduce: RoleRule = (c) => {
  const role = first(c);
  const rank = rankOf(c.inputs[0]);
  const given = intsAttribute(c.node, "axes") ?? c.inputs[1]?.value ?? [];
  const axes = given.map((axis) => (axis < 0 ? axis + rank : axis));
  const isIdle = axes.length === 0 && intAttribute(c.node, "noop_with_empty_axes", 0) === 1;
  if (role === undefined || isIdle) return role;
  if (axes.length === 0 || axes.includes(role.axis)) return undefined;
  if (intAttribute(c.node, "keepdims", 1) === 1) return role;
  return { ...role, axis: role.axis - axes.filter((axis) => axis < role.axis).length };
};

const argument: RoleRule = (c) => {
  const role = along(0)(c);
  if (role === undefined || intAttribute(c.node, "keepdims", 1) === 1) return role;
  const axis = intAttribute(c.node, "axis", 0);
  return (axis < 0 ? axis + rankOf(c.inputs[0]) : axis) < role.axis ? { ...role, axis: role.axis - 1 } : role;
};

const matMul: RoleRule = (c) => {
  const [a, b] = c.roles;
  const [rankA, rankB] = [rankOf(c.inputs[0]), rankOf(c.inputs[1])];
  if (rankA < 2 || rankB < 2) return undefined;
  if (a?.axis === rankA - 1 || b?.axis === rankB - 2) return undefined;
  // Rows of one operand times columns of the other would pair every image with every other.
  if (a !== undefined && b !== undefined && (a.axis === rankA - 2 || b.axis === rankB - 1)) return undefined;
  return aligned(c);
};

const gemm: RoleRule = (c) => {
  const [a, b] = c.roles;
  const isRow = a?.axis === 0 && intAttribute(c.node, "transA", 0) === 0;
  const bias = c.roles[2];
  if (!isRow || b !== undefined) return undefined;
  return bias === undefined ? a : agree([a, { ...bias, axis: bias.axis + 2 - rankOf(c.inputs[2]) }]);
};

const einsum: RoleRule = (c) => {
  const { terms, output } = einsumTerms(inferContext(c.node, c.inputs, c.opset));
  return agree(
    c.roles.map((role, index) => role && { ...role, axis: output.indexOf(terms[index]?.[role.axis] ?? "") }),
  );
};

const pad: RoleRule = (c) => {
  const role = first(c);
  const pads = c.inputs[1]?.value;
  if (role === undefined || pads === undefined || c.inputs[3] !== undefined) return undefined;
  const rank = pads.length / 2;
  return pads[role.axis] === 0 && pads[rank + role.axis] === 0 ? role : undefined;
};

/** Quantised products: the second operand stands behind scale and zero point of the first. */
const quantizedMatMul: RoleRule = (c) => {
  const reordered = <T>(list: readonly (T | undefined)[]): readonly (T | undefined)[] => [list[0], list[3]];
  const others = c.roles.some((role, index) => index !== 0 && index !== 3 && role !== undefined);
  return others ? undefined : matMul({ ...c, roles: reordered(c.roles), inputs: reordered(c.inputs) });
};

const quantizedGemm: RoleRule = (c) => {
  const role = first(c);
  return role?.axis === 0 && intAttribute(c.node, "transA", 0) === 0 ? role : undefined;
};

const elementwise =
  "Abs Add And Cast CastLike Ceil Celu Clip Cos DequantizeLinear Div Dropout Elu Equal Erf Exp Expand Floor Gelu Greater " +
  "GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg " +
  "Not Or PRelu Pow QuantizeLinear Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Softplus Softsign Sqrt Sub Sum Swish " +
  "Tan Tanh ThresholdedRelu Where Xor";
const windowed =
  "AveragePool BatchNormalization Conv ConvTranspose DepthToSpace GlobalAveragePool GlobalLpPool GlobalMaxPool " +
  "GroupNormalization InstanceNormalization LRN LpPool MaxPool Resize SpaceToDepth";

const rules: ReadonlyMap<string, RoleRule> = new Map<string, RoleRule>([
  ...elementwise.split(" ").map((name) => [name, aligned] as const),
  ...windowed.split(" ").map((name) => [name, perImage] as const),
  ["Concat", concat],
  ["CumSum", (c) => (first(c) && c.inputs[1]?.value?.[0] !== first(c)?.axis ? first(c) : undefined)],
  ["Einsum", einsum],
  ["Flatten", reshape],
  ["Gather", gather],
  ["Gemm", gemm],
  ["LayerNormalization", fromAxis],
  ["LogSoftmax", along(-1)],
  ["LpNormalization", along(-1)],
  ["MatMul", matMul],
  ["Pad", pad],
  ["QLinearConv", perImage],
  ["QLinearMatMul", quantizedMatMul],
  ["RMSNormalization", fromAxis],
  ["Reshape", reshape],
  ["Slice", first],
  ["Softmax", along(-1)],
  ["Hardmax", along(-1)],
  ["Split", along(0)],
  ["Squeeze", reshape],
  ["Tile", first],
  ["TopK", along(-1)],
  ["Transpose", transpose],
  ["Unsqueeze", reshape],
  ["ArgMax", argument],
  ["ArgMin", argument],
  ...["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"].map(
    (name) => [`Reduce${name}`, reduce] as const,
  ),
]);

/** Sequences `[batch, tokens, width]`, or heads of them. */
const perSequence: RoleRule = (c) => {
  const role = agree(c.roles);
  return role?.axis === 0 && role.outer === 1 ? role : undefined;
};

const fusedMatMul: RoleRule = (c) => {
  const isTurned = ["transA", "transB", "transBatchA", "transBatchB"].some(
    (name) => intAttribute(c.node, name, 0) !== 0,
  );
  const batches = c.roles.filter((role) => role !== undefined);
  // Turns of the last two axes leave a batch in front of them where it is.
  const isInFront = batches.every(({ axis }, index) => axis < rankOf(c.inputs[index]) - 2);
  if (isTurned && !(isInFront && intAttribute(c.node, "transBatchA", 0) === 0)) return undefined;
  return isTurned ? aligned(c) : matMul(c);
};

/** Operators of ONNX Runtime's optimisers and quantisers. */
const microsoftRules: ReadonlyMap<string, RoleRule> = new Map<string, RoleRule>([
  ...["QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearLeakyRelu"].map(
    (name) => [name, aligned] as const,
  ),
  ...["Gelu", "FastGelu", "BiasGelu", "QuickGelu", "QuantizeLinear", "DequantizeLinear", "BiasAdd"].map(
    (name) => [name, aligned] as const,
  ),
  ...["FusedConv", "NhwcConv", "NhwcFusedConv", "NhwcMaxPool", "GroupNorm"].map(
    (name) => [name, sameImage] as const,
  ),
  ...["QLinearConv", "QLinearGlobalAveragePool", "QLinearAveragePool"].map(
    (name) => [name, perImage] as const,
  ),
  ["FusedGemm", gemm],
  ["FusedMatMul", fusedMatMul],
  ["QGemm", quantizedGemm],
  ["MatMulNBits", fromLast],
  ["QLinearConcat", concat],
  ["QLinearSoftmax", along(-1)],
  ["LayerNormalization", fromAxis],
  ["SkipLayerNormalization", perSequence],
  ["SkipSimplifiedLayerNormalization", perSequence],
  ["MultiHeadAttention", perSequence],
  ["Attention", perSequence],
]);

/**
 * The role of a node's outputs from those of its inputs. `undefined`: the images of a batch would mix, or nothing is
 * known of the operator.
 */
export function outputRole(c: RoleContext): BatchRole | undefined {
  const table = c.node.domain === "" ? rules : c.node.domain === "com.microsoft" ? microsoftRules : undefined;
  return table?.get(c.node.opType)?.(c);
}
