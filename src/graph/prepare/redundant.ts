import type { ProbedValue } from "../graph-builder.ts";
import { intAttribute, intsAttribute, type GraphNode } from "../graph.ts";
import { sharedElements } from "./constants.ts";

type Lookup = (value: string) => ProbedValue | undefined;

const equalDims = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, axis) => dim === b[axis]);

/** Same element type, and same shape at both probe batch sizes. */
function sameKind(x: ProbedValue | undefined, y: ProbedValue | undefined): boolean {
  if (x === undefined || y === undefined || x[0].type !== y[0].type) return false;
  return equalDims(x[0].dims, y[0].dims) && equalDims(x[1].dims, y[1].dims);
}

const constantInput = (node: GraphNode, index: number, lookup: Lookup): readonly number[] | undefined => {
  const probed = lookup(node.inputs[index] ?? "");
  return probed === undefined ? undefined : sharedElements(probed);
};

/** Operators that cannot change anything if the shape stays the same: they keep the order of the elements. */
const orderKeeping: ReadonlySet<string> = new Set([
  "Cast",
  "CastLike",
  "Concat",
  "Expand",
  "Flatten",
  "Reshape",
  "Split",
  "Squeeze",
  "Tile",
  "Unsqueeze",
]);

/** Operators that give their input back if it is the only one. */
const foldsOne: ReadonlySet<string> = new Set(["Max", "Mean", "Min", "Sum"]);

/** Moves only axes of size 1, at both probes, and keeps the shape. */
function isIdleTranspose(node: GraphNode, x: ProbedValue | undefined): boolean {
  const rank = x?.[0].dims.length ?? 0;
  const perm = intsAttribute(node, "perm") ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const moving = perm.filter((axis) => x?.[0].dims[axis] !== 1 || x[1].dims[axis] !== 1);
  return moving.every((axis, index) => index === 0 || axis > (moving[index - 1] ?? 0));
}

function isIdlePool(node: GraphNode): boolean {
  const all = (name: string, wanted: number): boolean =>
    (intsAttribute(node, name) ?? []).every((value) => value === wanted);
  return all("kernel_shape", 1) && all("strides", 1) && all("pads", 0);
}

/**
 * True if output 0 of the node equals input 0, at inference time: Identity, Dropout, Cast to the same type, a Reshape,
 * Transpose, Slice, Pad, ... that does nothing.
 */
export function isRedundant(node: GraphNode, lookup: Lookup): boolean {
  if (node.domain !== "" || (node.inputs[0] ?? "") === "") return false;
  if (node.opType === "Identity") return true;
  if (node.opType === "Dropout") {
    if ((node.inputs[2] ?? "") === "") return true;
    return constantInput(node, 2, lookup)?.[0] === 0 || constantInput(node, 1, lookup)?.[0] === 0;
  }
  const x = lookup(node.inputs[0] ?? "");
  if (!sameKind(x, lookup(node.outputs[0] ?? ""))) return false;
  if (orderKeeping.has(node.opType)) return node.outputs.length === 1;
  if (foldsOne.has(node.opType)) return node.inputs.length === 1;
  switch (node.opType) {
    case "Transpose":
      return isIdleTranspose(node, x);
    case "Slice":
      return (
        (node.inputs[4] ?? "") === "" || (constantInput(node, 4, lookup)?.every((step) => step > 0) ?? false)
      );
    case "Pad":
      return constantInput(node, 1, lookup)?.every((pad) => pad === 0) ?? false;
    case "AveragePool":
      return isIdlePool(node) && intAttribute(node, "ceil_mode", 0) === 0;
    default:
      return false;
  }
}
