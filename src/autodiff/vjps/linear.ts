import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { floatAttribute, intAttribute, type Shape } from "../../graph/graph.ts";
import type { VjpTable } from "../rules.ts";

/** Swaps the last two axes. */
function transposed(g: GraphBuilder, x: string): string {
  const rank = g.rank(x);
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  return g.transpose(x, [...perm.slice(0, -2), rank - 1, rank - 2]);
}

/** Adds an axis of size 1 at the end (-1) or before the end (-2) of a value. */
function unsqueezed(g: GraphBuilder, x: string, axis: -1 | -2): string {
  return g.node("Unsqueeze", [x, g.ints([axis])]);
}

/** Sums the leading (batch) axes of a product of matrices that the operand was repeated along. */
function sumBatchAxes(g: GraphBuilder, cotangent: string, target: Shape): string {
  const dims = g.dims(cotangent);
  const lead = dims.length - target.length;
  const axes = dims.flatMap((dim, axis) =>
    axis < lead || (target[axis - lead] === 1 && dim !== 1 && axis < dims.length - 2) ? [axis] : [],
  );
  const summed = g.reduce("ReduceSum", cotangent, axes);
  return g.reshape(summed, g.dims(summed).slice(lead));
}

export const linearVjps: VjpTable = {
  // dA = dy B^T, dB = A^T dy; vectors are matrices with an axis of 1.
  MatMul: ({ g, inputs, dy, full }) => {
    const [a = "", b = ""] = inputs;
    const isVectorA = g.rank(a) === 1;
    const isVectorB = g.rank(b) === 1;
    const matrices = (): readonly [string, string, string] => {
      let product = full(dy);
      if (isVectorB) product = unsqueezed(g, product, -1);
      if (isVectorA) product = unsqueezed(g, product, -2);
      return [isVectorA ? unsqueezed(g, a, -2) : a, isVectorB ? unsqueezed(g, b, -1) : b, product];
    };
    return [
      () => {
        const [ma, mb, product] = matrices();
        return g.reshape(sumBatchAxes(g, g.matmul(product, transposed(g, mb)), g.dims(ma)), g.dims(a), a);
      },
      () => {
        const [ma, mb, product] = matrices();
        return g.reshape(sumBatchAxes(g, g.matmul(transposed(g, ma), product), g.dims(mb)), g.dims(b), b);
      },
    ];
  },
  // y = alpha op(A) op(B) + beta C; the weight is used as it lies, transposed by an attribute.
  Gemm: ({ g, node, inputs, dy, full, sumTo }) => {
    const [a = "", b = ""] = inputs;
    const alpha = { float: floatAttribute(node, "alpha", 1) };
    const transA = intAttribute(node, "transA", 0);
    const transB = intAttribute(node, "transB", 0);
    return [
      () =>
        transA === 0
          ? g.node("Gemm", [full(dy), b], { alpha, transB: 1 - transB })
          : g.node("Gemm", [b, full(dy)], { alpha, transA: transB, transB: 1 }),
      () =>
        transB === 0
          ? g.node("Gemm", [a, full(dy)], { alpha, transA: 1 - transA })
          : g.node("Gemm", [full(dy), a], { alpha, transA: 1, transB: transA }),
      () => sumTo(g.mul(dy, floatAttribute(node, "beta", 1)), 2),
    ];
  },
};
