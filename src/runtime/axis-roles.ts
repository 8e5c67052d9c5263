import {
  batchFactor,
  batchSymbol,
  intAttribute,
  intsAttribute,
  type Dim,
  type Graph,
  type GraphNode,
  type Shape,
} from "../graph/graph.ts";

/**
 * What an axis of a value means for the image. `grid` is height and width in one axis, row-major, after `prefix` tokens
 * that stand for no place (class, register and distillation tokens).
 */
export type AxisRole =
  | { readonly kind: "batch" }
  | { readonly kind: "channel" }
  | { readonly kind: "height" }
  | { readonly kind: "width" }
  | { readonly kind: "grid"; readonly height: number; readonly width: number; readonly prefix: number }
  | { readonly kind: "other" };

export type AxisRoles = readonly AxisRole[];

const batch: AxisRole = { kind: "batch" };
const channel: AxisRole = { kind: "channel" };
const height: AxisRole = { kind: "height" };
const width: AxisRole = { kind: "width" };
const other: AxisRole = { kind: "other" };

interface Facts {
  readonly dims: (value: string) => Shape | undefined;
  readonly constantValue: (value: string) => readonly number[] | undefined;
}

/**
 * Follows height and width of the image through the graph, by what each operator does to axes and not by names. Values
 * whose axes cannot be followed (shuffled windows, say) are absent until an addition with a value that can be followed
 * tells what they are.
 */
export function followAxes(
  graph: Graph,
  image: string,
  roles: AxisRoles,
  facts: Facts,
): ReadonlyMap<string, AxisRoles> {
  const found = new Map<string, AxisRoles>([[image, roles]]);
  for (const node of graph.nodes) {
    const known = node.inputs.map((input) => found.get(input));
    if (!known.some((entry) => entry !== undefined)) continue;
    const output = node.outputs[0] ?? "";
    const dims = facts.dims(output);
    if (dims === undefined) continue;
    const result = rolesOf(node, known, dims, facts);
    if (result !== undefined && result.length === dims.length) {
      for (const name of node.outputs) if (facts.dims(name)?.length === dims.length) found.set(name, result);
    }
  }
  return found;
}

const spatialOps = new Set([
  "Conv",
  "ConvTranspose",
  "MaxPool",
  "AveragePool",
  "LpPool",
  "FusedConv",
  "QLinearConv",
  "ConvInteger",
  "NhwcConv",
]);

function rolesOf(
  node: GraphNode,
  known: readonly (AxisRoles | undefined)[],
  dims: Shape,
  facts: Facts,
): AxisRoles | undefined {
  const first = known[0];
  const inputDims = facts.dims(node.inputs[0] ?? "");
  if (spatialOps.has(node.opType)) {
    // A convolution over tokens or windows keeps what its axes meant if they meant a place.
    if (first?.[2]?.kind === "height" && first[3]?.kind === "width") return [batch, channel, height, width];
    return first?.[2]?.kind === "grid" && dims[2] === inputDims?.[2] ? [batch, channel, first[2]] : undefined;
  }
  switch (node.opType) {
    case "Transpose": {
      const perm = intsAttribute(node, "perm") ?? dims.map((_, axis) => dims.length - 1 - axis);
      return first === undefined ? undefined : perm.map((axis) => first[axis] ?? other);
    }
    case "Reshape":
    case "Flatten":
    case "Squeeze":
    case "Unsqueeze":
      return first === undefined || inputDims === undefined
        ? undefined
        : reshapeRoles(first, inputDims, dims);
    case "MatMul":
    case "FusedMatMul":
      // Rows keep their meaning, columns become features.
      return first === undefined ? undefined : [...first.slice(0, -1), channel];
    case "Gemm":
      return first === undefined ? undefined : [first[0] ?? other, channel];
    case "Concat":
      return concatRoles(node, known, dims, facts);
    case "Slice":
      return sliceRoles(node, first, inputDims, dims, facts);
    case "Gather": {
      const axis = intAttribute(node, "axis", 0);
      const indices = facts.dims(node.inputs[1] ?? "");
      if (first === undefined || indices === undefined) return undefined;
      const at = axis < 0 ? axis + first.length : axis;
      return [...first.slice(0, at), ...indices.map(() => other), ...first.slice(at + 1)];
    }
    case "Resize":
    case "Upsample":
    case "Split":
    case "Pad":
      return first;
    default:
      break;
  }
  // Everything else that keeps a shape keeps its meaning; an addition of known and unknown takes the known.
  const candidates = known.filter((entry, index) => {
    const shape = facts.dims(node.inputs[index] ?? "");
    return (
      entry !== undefined && shape?.length === dims.length && shape.every((dim, axis) => dim === dims[axis])
    );
  });
  return candidates.find((entry) => isPlaced(entry)) ?? candidates[0];
}

/** True if the roles tell where on the image each element lies. */
export function isPlaced(roles: AxisRoles | undefined): boolean {
  if (roles === undefined) return false;
  const kinds = roles.map((role) => role.kind);
  return kinds.includes("grid") || (kinds.includes("height") && kinds.includes("width"));
}

/** Matches groups of axes with equal products. */
function reshapeRoles(roles: AxisRoles, from: Shape, to: Shape): AxisRoles {
  const result: AxisRole[] = [];
  let source = 0;
  let target = 0;
  while (source < from.length || target < to.length) {
    const sourceStart = source;
    const targetStart = target;
    let left = factor(from[source++] ?? 1);
    let right = factor(to[target++] ?? 1);
    while (left !== right && (source < from.length || target < to.length)) {
      if (left < right && source < from.length) left *= factor(from[source++] ?? 1);
      else if (target < to.length) right *= factor(to[target++] ?? 1);
      else break;
    }
    result.push(...groupRoles(roles, from, to, [sourceStart, source], [targetStart, target]));
  }
  return result.slice(0, to.length);
}

function groupRoles(
  roles: AxisRoles,
  from: Shape,
  to: Shape,
  source: readonly [number, number],
  target: readonly [number, number],
): AxisRoles {
  const isReal = (dims: Shape) => (axis: number) => dims[axis] !== 1;
  const sources = range(source).filter(isReal(from));
  const targets = range(target).filter(isReal(to));
  const assign = (real: readonly AxisRole[]): AxisRoles => {
    let next = 0;
    return range(target).map((axis) => (to[axis] === 1 ? other : (real[next++] ?? other)));
  };
  const kinds = sources.map((axis) => roles[axis] ?? other);
  if (
    sources.length === targets.length &&
    sources.every((axis, index) => from[axis] === to[targets[index] ?? -1])
  )
    return assign(kinds);
  const a = kinds[0];
  const isBatchLed = a?.kind === "batch";
  const rest = isBatchLed ? kinds.slice(1) : kinds;
  const lead = isBatchLed ? [batch] : [];
  const restTargets = isBatchLed ? targets.slice(1) : targets;
  if (isBatchLed && targets[0] !== undefined && to[targets[0]] !== batchSymbol)
    return assign(targets.map(() => other));
  if (
    rest.length === 2 &&
    rest[0]?.kind === "height" &&
    rest[1]?.kind === "width" &&
    restTargets.length === 1
  ) {
    const [h, w] = sources.slice(isBatchLed ? 1 : 0).map((axis) => from[axis]);
    if (typeof h === "number" && typeof w === "number")
      return assign([...lead, { kind: "grid", height: h, width: w, prefix: 0 }]);
  }
  if (rest.length === 1 && rest[0]?.kind === "grid" && rest[0].prefix === 0 && restTargets.length === 2) {
    const [h, w] = restTargets.map((axis) => to[axis]);
    if (h === rest[0].height && w === rest[0].width) return assign([...lead, height, width]);
  }
  // Heads: the channel axis split in two, or joined again.
  if (rest.length === 1 && rest[0]?.kind === "channel")
    return assign([...lead, ...restTargets.map(() => channel)]);
  if (rest.every((role) => role.kind === "channel") && rest.length > 0)
    return assign([...lead, ...restTargets.map(() => channel)]);
  return assign(targets.map(() => other));
}

function concatRoles(
  node: GraphNode,
  known: readonly (AxisRoles | undefined)[],
  dims: Shape,
  facts: Facts,
): AxisRoles | undefined {
  const rawAxis = intAttribute(node, "axis", 0);
  const axis = rawAxis < 0 ? rawAxis + dims.length : rawAxis;
  const index = known.findIndex((entry) => isPlaced(entry));
  const roles = known[index] ?? known.find((entry) => entry !== undefined);
  const role = roles?.[axis];
  if (roles === undefined || role?.kind !== "grid") return roles;
  let before = 0;
  for (const input of node.inputs.slice(0, index)) {
    const size = facts.dims(input)?.[axis];
    if (typeof size !== "number") return undefined;
    before += size;
  }
  return roles.with(axis, { ...role, prefix: role.prefix + before });
}

function sliceRoles(
  node: GraphNode,
  roles: AxisRoles | undefined,
  from: Shape | undefined,
  to: Shape,
  facts: Facts,
): AxisRoles | undefined {
  if (roles === undefined || from === undefined) return undefined;
  const starts = facts.constantValue(node.inputs[1] ?? "");
  const axes = facts.constantValue(node.inputs[3] ?? "") ?? starts?.map((_, axis) => axis);
  return roles.map((role, axis) => {
    if (from[axis] === to[axis] || role.kind === "channel" || role.kind === "batch") return role;
    if (role.kind !== "grid") return role;
    const position = axes?.findIndex((entry) => (entry < 0 ? entry + roles.length : entry) === axis) ?? -1;
    const raw = starts?.[position];
    const size = from[axis];
    if (raw === undefined || typeof size !== "number") return other;
    const start = raw < 0 ? raw + size : raw;
    const length = to[axis];
    // The grid must survive whole; otherwise this picked tokens.
    const isWhole =
      start <= role.prefix &&
      typeof length === "number" &&
      start + length >= role.prefix + role.height * role.width;
    return isWhole ? { ...role, prefix: role.prefix - start } : other;
  });
}

function factor(dim: Dim): number {
  if (typeof dim === "number") return dim;
  // A large prime stands for the batch, so that products tell it apart.
  return (batchFactor(dim) ?? 1) * 1_000_003;
}

function range([start, end]: readonly [number, number]): readonly number[] {
  return Array.from({ length: Math.max(end - start, 0) }, (_, index) => start + index);
}
