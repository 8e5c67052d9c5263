import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { intAttribute, type GraphNode } from "../../graph/graph.ts";
import type { VjpTable } from "../rules.ts";
import { refuse, unsupported } from "./axes.ts";

/**
 * The integers that are packed in bytes, low bits first, as float32: `[..., bytes]` becomes `[..., bytes * 8 / bits]`.
 * In floating point, because the bitwise operators are younger than opset 17.
 */
function unpacked(g: GraphBuilder, bytes: string, bits: number): string {
  const values = g.cast(bytes, "float32");
  if (bits === 8) return values;
  const high = g.unary("Floor", g.mul(values, 1 / 16));
  const low = g.sub(values, g.mul(high, 16));
  const dims = g.dims(bytes);
  const pairs = [low, high].map((half) => g.node("Unsqueeze", [half, g.ints([dims.length])]));
  return g.reshape(g.concat(pairs, dims.length), [...dims.slice(0, -1), Number(dims.at(-1)) * 2]);
}

/** The weight `[N, K]` of a MatMulNBits. ONNX Runtime computes it once, when it loads the model. */
function blockWeight(g: GraphBuilder, node: GraphNode, inputs: readonly string[]): string {
  const [, packed = "", scales = "", zeroPoints = ""] = inputs;
  const bits = intAttribute(node, "bits", 4);
  if (bits !== 4 && bits !== 8) throw unsupported(node, `${bits} bits`);
  const [rows, columns] = [intAttribute(node, "N", 0), intAttribute(node, "K", 0)];
  const blockSize = intAttribute(node, "block_size", 32);
  const blocks = Math.ceil(columns / blockSize);
  const integers = g.reshape(unpacked(g, packed, bits), [rows, blocks, blockSize]);
  const zeroOf = (): string => {
    if (g.type(zeroPoints) !== "uint8") return g.reshape(g.cast(zeroPoints, "float32"), [rows, blocks, 1]);
    // Each row of zero points starts on a byte.
    const bytes = g.reshape(zeroPoints, [rows, Math.ceil((blocks * bits) / 8)]);
    return g.reshape(g.slice(unpacked(g, bytes, bits), [0], [blocks], [1]), [rows, blocks, 1]);
  };
  const centred = g.sub(integers, zeroPoints === "" ? 2 ** (bits - 1) : zeroOf());
  const weight = g.mul(centred, g.reshape(g.cast(scales, "float32"), [rows, blocks, 1]));
  return g.slice(g.reshape(weight, [rows, blocks * blockSize]), [0], [columns], [1]);
}

export const blockQuantizedVjps: VjpTable = {
  // y = A W^T + bias, with W in integers of a few bits and a scale a block.
  "com.microsoft:MatMulNBits": ({ g, node, x, inputs, dy, full, sumTo }) => {
    if ((inputs[4] ?? "") !== "") throw unsupported(node, "a group index");
    return [
      () => g.matmul(full(dy), g.cast(blockWeight(g, node, inputs), g.type(x))),
      undefined,
      refuse(node, "its scales"),
      refuse(node, "its zero points"),
      undefined,
      () => sumTo(dy, 5),
    ];
  },
};
