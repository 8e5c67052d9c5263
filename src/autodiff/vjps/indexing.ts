import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { intAttribute, stringAttribute, type Shape } from "../../graph/graph.ts";
import { unary, type VjpContext, type VjpTable } from "../rules.ts";
import {
  axisAttribute,
  constantInput,
  cropAxes,
  dimProduct,
  positiveAxis,
  range,
  unsupported,
} from "./axes.ts";
import { widened } from "./precision.ts";

/**
 * Sums rows of `dy` (`[.., n, ..]` with n indices along `axis`) into the rows of x that known, distinct indices name:
 * each row of x takes its row of dy, or an appended row of zeros.
 */
function placeRows(
  g: GraphBuilder,
  dy: string,
  size: number,
  indices: readonly number[],
  axis: number,
): string {
  const [only] = indices;
  if (indices.length === 1 && only !== undefined) return cropAxes(g, dy, [-only], [only + 1 - size], [axis]);
  const inverse = range(size).map((row) => indices.indexOf(row));
  const isComplete = !inverse.includes(-1);
  if (isComplete && inverse.every((source, row) => source === row)) return dy;
  const rows = isComplete ? dy : cropAxes(g, dy, [0], [-1], [axis]);
  const sources = inverse.map((source) => (source < 0 ? indices.length : source));
  return g.node("Gather", [rows, g.ints(sources)], { axis });
}

/** Sums rows of `dy` into the rows of x that indices name, whatever they are. */
function scatterRows(g: GraphBuilder, x: string, dy: string, indices: string, axis: number): string {
  const rank = g.rank(x);
  const toFront = [axis, ...range(rank).filter((index) => index !== axis)];
  const zeros = g.transpose(widened(g, g.filledLike(x)), toFront);
  const rows = g.node(
    "ScatterND",
    [zeros, g.node("Unsqueeze", [indices, g.ints([1])]), g.transpose(widened(g, dy), toFront)],
    {
      reduction: "add",
    },
  );
  const placed = g.transpose(
    rows,
    range(rank).map((index) => toFront.indexOf(index)),
  );
  return g.cast(placed, g.type(x));
}

/** The adjoint of taking rows (known or not) of x along an axis; `dy` has as many rows as there are indices. */
function rowsVjp(g: GraphBuilder, x: string, dy: string, indices: string, axis: number): string {
  const known = g.constantValue(indices);
  if (known === undefined || typeof g.dim(x, axis) !== "number") return scatterRows(g, x, dy, indices, axis);
  const size = g.size(x, axis);
  const rows = known.map((index) => positiveAxis(index, size));
  if (new Set(rows).size === rows.length) return placeRows(g, dy, size, rows, axis);
  return scatterRows(g, x, dy, indices, axis);
}

function gatherVjp({ g, node, x, inputs, dy, full }: VjpContext): string {
  const indices = inputs[1] ?? "";
  const axis = axisAttribute(g, node, x, 0);
  const count = dimProduct(g.dims(indices));
  const dims: Shape = [...g.dims(x).slice(0, axis), count, ...g.dims(x).slice(axis + 1)];
  return rowsVjp(g, x, g.reshape(full(dy), dims), g.reshape(indices, [count]), axis);
}

/** Rows where a known condition holds. */
function compressVjp(context: VjpContext): string {
  const { g, node, x, dy, full } = context;
  const condition = constantInput(context, 1, "the condition");
  const taken = condition.flatMap((isTaken, index) => (isTaken === 0 ? [] : [index]));
  if (taken.length === 0) return g.filledLike(x);
  if (node.attributes["axis"] !== undefined) {
    const axis = axisAttribute(g, node, x, 0);
    return placeRows(g, full(dy), g.size(x, axis), taken, axis);
  }
  const size = dimProduct(g.dims(x));
  if (typeof size !== "number") throw unsupported(node, "a batch of images without an axis");
  return g.reshape(placeRows(g, full(dy), size, taken, 0), g.dims(x));
}

/** GatherND's indices with the position in the batch axes written out, so that `batch_dims` is 0. */
function withBatchPositions(g: GraphBuilder, indices: string, batchDims: number): string {
  let value = indices;
  for (let axis = batchDims - 1; axis >= 0; axis--) {
    const dims = g.dims(value);
    const shape = g.unary("Shape", value);
    const size = g.node("Gather", [shape, g.ints([axis], [])], { axis: 0 });
    const positions = g.node("Range", [g.ints([0], []), size, g.ints([1], [])]);
    const column = g.reshape(
      positions,
      dims.map((dim, index) => (index === axis ? dim : 1)),
    );
    const target = g.slice(value, [0], [1], [dims.length - 1]);
    const repeated = g.node("Expand", [column, g.unary("Shape", target)]);
    value = g.concat([repeated, value], dims.length - 1);
  }
  return value;
}

/** Only plain replacement and sums have a simple gradient. */
function scatterReduction({ node }: VjpContext): "none" | "add" {
  const reduction = stringAttribute(node, "reduction", "none");
  if (reduction !== "none" && reduction !== "add") throw unsupported(node, `reduction '${reduction}'`);
  return reduction;
}

/** ScatterElements and ScatterND: the data loses what was overwritten, the updates read where they went. */
function scatter(opType: "ScatterElements" | "ScatterND", gatherOp: "GatherElements" | "GatherND") {
  return (context: VjpContext) => {
    const { g, node, inputs, dy, full } = context;
    const [, indices = "", updates = ""] = inputs;
    const attributes = opType === "ScatterElements" ? { axis: intAttribute(node, "axis", 0) } : {};
    return [
      () => {
        if (scatterReduction(context) === "add") return dy;
        return g.node(opType, [full(dy), indices, g.filledLike(updates)], attributes);
      },
      undefined,
      () => {
        scatterReduction(context);
        return g.node(gatherOp, [full(dy), indices], attributes);
      },
    ];
  };
}

export const indexingVjps: VjpTable = {
  Gather: unary(gatherVjp),
  Compress: unary(compressVjp),
  GatherElements: unary(({ g, node, x, inputs, dy, full }) => {
    const values = [widened(g, g.filledLike(x)), inputs[1] ?? "", widened(g, full(dy))];
    const axis = intAttribute(node, "axis", 0);
    return g.cast(g.node("ScatterElements", values, { axis, reduction: "add" }), g.type(x));
  }),
  GatherND: unary(({ g, node, x, inputs, dy, full }) => {
    const indices = withBatchPositions(g, inputs[1] ?? "", intAttribute(node, "batch_dims", 0));
    const values = [widened(g, g.filledLike(x)), indices, widened(g, full(dy))];
    return g.cast(g.node("ScatterND", values, { reduction: "add" }), g.type(x));
  }),
  ScatterElements: scatter("ScatterElements", "GatherElements"),
  ScatterND: scatter("ScatterND", "GatherND"),
};
