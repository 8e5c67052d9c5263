import { intsAttribute } from "../../graph/graph.ts";
import { unary, type VjpTable } from "../rules.ts";
import { constantInput, range } from "./axes.ts";

/**
 * Col2Im sums blocks `[N, C k, L]` of k elements into an image. Its adjoint cuts the image into the blocks: a convolution
 * in which each channel has k kernels with a single 1.
 */
export const col2imVjps: VjpTable = {
  Col2Im: unary((context) => {
    const { g, node, x, y, dy, full } = context;
    const block = constantInput(context, 2, "block_shape");
    const size = block.reduce((a, b) => a * b, 1);
    const channels = g.size(y, 1);
    const kernels = range(channels * size * size).map((at) =>
      Math.floor(at / size) % size === at % size ? 1 : 0,
    );
    const ones = block.map(() => 1);
    const blocks = g.node("Conv", [full(dy), g.floats(kernels, [channels * size, 1, ...block], y)], {
      group: channels,
      kernel_shape: block,
      strides: intsAttribute(node, "strides") ?? ones,
      dilations: intsAttribute(node, "dilations") ?? ones,
      pads: intsAttribute(node, "pads") ?? [...ones, ...ones].map(() => 0),
    });
    return g.reshape(blocks, g.dims(x));
  }),
};
