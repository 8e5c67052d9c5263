import { intAttribute } from "../../graph/graph.ts";
import type { Vjp, VjpTable } from "../rules.ts";
import { range, unsupported } from "./axes.ts";

/**
 * Places of an output image in the input image, `[N, (D,) H, W, 2 or 3]`: the matrix `[N, 2 or 3, 3 or 4]` times each
 * place of the output in -1..1 (x first) and 1.
 */
const affineGrid: Vjp = ({ g, node, x, y, composite }) => {
  const dims = g.dims(y);
  const sizes = range(dims.length - 2, 1).map((axis) => g.size(y, axis));
  const isAligned = intAttribute(node, "align_corners", 0) === 1;
  if (isAligned && sizes.includes(1)) throw unsupported(node, "align_corners and a size of 1");
  const place = (index: number, size: number): number =>
    isAligned ? (2 * index) / (size - 1) - 1 : (2 * index + 1) / size - 1;
  const count = sizes.reduce((a, b) => a * b, 1);
  // Row-major: the last axis, x, is the fastest.
  const rows = range(count).flatMap((pixel) => {
    let rest = pixel;
    const places = sizes.toReversed().map((size) => {
      const index = rest % size;
      rest = (rest - index) / size;
      return place(index, size);
    });
    return [...places, 1];
  });
  return composite(() => {
    const places = g.floats(rows, [count, sizes.length + 1], x);
    return [g.reshape(g.matmul(places, g.transpose(x, [0, 2, 1])), dims)];
  });
};

export const affineGridVjps: VjpTable = { AffineGrid: affineGrid };
