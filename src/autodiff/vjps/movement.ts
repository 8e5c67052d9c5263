import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { batchFactor, intAttribute, intsAttribute, stringAttribute, type Dim } from "../../graph/graph.ts";
import { unary, type VjpContext, type VjpTable } from "../rules.ts";
import { range, unsupported } from "./axes.ts";

/** Any operator that keeps the elements in order: back to the shape of the input. */
const reshaped = unary(({ g, x, dy, full }) => g.reshape(full(dy), g.dims(x), x));

/** How often Tile repeats an axis. */
function repeats(whole: Dim, part: Dim): Dim | undefined {
  if (whole === part) return 1;
  if (typeof whole === "number") return typeof part === "number" ? whole / part : undefined;
  const factor = batchFactor(whole);
  const partFactor = typeof part === "number" ? part : batchFactor(part);
  if (factor === undefined || partFactor === undefined) return undefined;
  const ratio = factor / partFactor;
  if (typeof part !== "number") return ratio;
  return ratio === 1 ? "batch" : `${ratio}*batch`;
}

/** Sums the copies of each tiled axis: `[r d]` is seen as `[r, d]`. */
function tileVjp({ g, node, x, y, dy, full }: VjpContext): string {
  const dims: Dim[] = [];
  const summed: number[] = [];
  g.dims(x).forEach((part, axis) => {
    const count = repeats(g.dim(y, axis), part);
    if (count === undefined) throw unsupported(node, "this use of the batch size");
    if (count !== 1) {
      summed.push(dims.length);
      dims.push(count);
    }
    dims.push(part);
  });
  if (summed.length === 0) return dy;
  return g.reduce("ReduceSum", g.reshape(full(dy), dims), summed, false);
}

/** Splits channels or pixels into blocks, permutes, merges: works on every backend and type. */
function rearranged(
  g: GraphBuilder,
  value: string,
  split: readonly Dim[],
  perm: readonly number[],
  like: string,
) {
  return g.reshape(g.transpose(g.reshape(value, split), perm), g.dims(like), like);
}

export const movementVjps: VjpTable = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  // The inverse permutation; a small cotangent stays small.
  Transpose: unary(({ g, node, x, y, dy, full }) => {
    const rank = g.rank(x);
    const perm = intsAttribute(node, "perm") ?? range(rank).toReversed();
    const value = g.rank(dy) === g.rank(y) ? dy : full(dy);
    return g.transpose(
      value,
      range(rank).map((axis) => perm.indexOf(axis)),
    );
  }),
  Expand: unary(({ dy, sumTo }) => sumTo(dy, 0)),
  Tile: unary(tileVjp),
  // y[n, c, h b + i, w b + j] = x[n, (i b + j) C' + c, h, w], or x[n, c b^2 + i b + j, h, w] in mode CRD
  DepthToSpace: unary(({ g, node, x, dy, full }) => {
    const block = intAttribute(node, "blocksize", 1);
    const [n = 1, channels = 1, h = 1, w = 1] = g.dims(x);
    const split = [n, Number(channels) / (block * block), h, block, w, block];
    const isColumnFirst = stringAttribute(node, "mode", "DCR") === "CRD";
    return rearranged(g, full(dy), split, isColumnFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4], x);
  }),
  SpaceToDepth: unary(({ g, node, x, y, dy, full }) => {
    const block = intAttribute(node, "blocksize", 1);
    const [n = 1, , h = 1, w = 1] = g.dims(y);
    return rearranged(g, full(dy), [n, block, block, g.dim(x, 1), h, w], [0, 3, 4, 1, 5, 2], x);
  }),
  Trilu: unary(({ g, node, dy, full, inputs }) => {
    const k = inputs[1] ?? "";
    const upper = intAttribute(node, "upper", 1);
    return g.node("Trilu", k === "" ? [full(dy)] : [full(dy), k], { upper });
  }),
  // Its own inverse.
  ReverseSequence: unary(({ g, node, dy, full, inputs }) =>
    g.node("ReverseSequence", [full(dy), inputs[1] ?? ""], {
      batch_axis: intAttribute(node, "batch_axis", 1),
      time_axis: intAttribute(node, "time_axis", 0),
    }),
  ),
};
