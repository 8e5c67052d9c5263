import type { GraphNode } from "../../graph/graph.ts";
import type { Vjp, VjpTable } from "../rules.ts";
import { append } from "./append-node.ts";
import { range } from "./axes.ts";

/**
 * Operators of com.microsoft for accelerators: channels last, and a bias or a sum before what follows. Each is what it stands for in
 * plain operators; only their backward nodes are kept.
 */

/** An operator on `[N, ..., C]` by the one on `[N, C, ...]`; all inputs but the weights are images. */
function channelsLast(opType: string, domain = ""): Vjp {
  return ({ g, node, inputs, composite }) =>
    composite(() => {
      const rank = g.rank(inputs[0] ?? "");
      const first = (x: string): string => g.transpose(x, [0, rank - 1, ...range(rank - 2, 1)]);
      const [x = "", weight, bias, sum = ""] = inputs;
      const weights = [weight, bias].filter((input) => input !== undefined);
      const operands = [first(x), ...weights, ...(sum === "" ? [] : [first(sum)])];
      const y = append(g, opType, operands, node.attributes, domain);
      return [g.transpose(y, [0, ...range(rank - 2, 2), 1])];
    });
}

/** x + bias (+ skip), the bias along the last axis. */
const biasAdd: Vjp = ({ g, inputs, composite }) =>
  composite(() => [
    inputs
      .slice(0, 3)
      .filter((input) => input !== "")
      .reduce((sum, input) => g.add(sum, input)),
  ]);

/** [a, b] = x + bias, halves of the last axis: a gelu(b). */
const biasSplitGelu: Vjp = ({ g, inputs, composite }) =>
  composite(() => {
    const [x = "", bias = ""] = inputs;
    const sum = g.add(x, bias);
    const last = g.rank(sum) - 1;
    const half = g.size(sum, last) / 2;
    const [a = "", b = ""] = g.split(sum, [half, half], last);
    return [g.mul(a, append(g, "Gelu", [b], {}, "com.microsoft"))];
  });

/** GroupNorm of x + skip (+ bias); the sum is an output, too. */
const skipGroupNorm: Vjp = ({ g, node, inputs, composite }) =>
  composite(() => {
    const [x = "", scale = "", shift = "", skip = "", bias = ""] = inputs;
    const rank = g.rank(x);
    const spread = (value: string): string => {
      const dims = g.dims(value);
      // [N, C] is the same everywhere in the image.
      return dims.length === 2
        ? g.reshape(value, [dims[0] ?? 1, ...range(rank - 2).map(() => 1), dims[1] ?? 1])
        : value;
    };
    const pair = g.add(x, spread(skip));
    const sum = bias === "" ? pair : g.add(pair, bias);
    return [append(g, "GroupNorm", [sum, scale, shift], node.attributes, "com.microsoft"), sum];
  });

/** The node as one of the standard domain that takes the same inputs. */
const standard =
  (opType: GraphNode["opType"]): Vjp =>
  ({ g, node, inputs, composite }) =>
    composite(() => [append(g, opType, inputs, node.attributes)]);

export const contribLayoutVjps: VjpTable = {
  "com.microsoft:NhwcConv": channelsLast("Conv"),
  "com.microsoft:NhwcFusedConv": channelsLast("FusedConv", "com.microsoft"),
  "com.microsoft:NhwcMaxPool": channelsLast("MaxPool"),
  "com.microsoft:BiasAdd": biasAdd,
  "com.microsoft:BiasDropout": biasAdd,
  "com.microsoft:BiasSplitGelu": biasSplitGelu,
  "com.microsoft:SkipGroupNorm": skipGroupNorm,
  "com.microsoft:LayerNormalization": standard("LayerNormalization"),
};
