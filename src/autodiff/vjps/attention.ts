import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { floatAttribute, intAttribute, intsAttribute, type Dim } from "../../graph/graph.ts";
import type { Vjp, VjpContext, VjpTable } from "../rules.ts";
import { present, range, unsupported } from "./axes.ts";

/** What attention does between its projections. */
interface AttentionOptions {
  readonly scale: number;
  /** Added to the scores: `[batch or 1, heads or 1, queries, keys]`. */
  readonly bias?: string | undefined;
  readonly isCausal?: boolean;
  /** Scores are squashed to -softcap..softcap; 0: not. */
  readonly softcap?: number;
}

/** softmax(scale Q K^T + bias) V for `[batch, heads, tokens, width]`. */
function scaledDotProduct(
  g: GraphBuilder,
  q: string,
  k: string,
  v: string,
  { scale, bias, isCausal = false, softcap = 0 }: AttentionOptions,
): string {
  let scores = g.matmul(g.mul(q, scale), g.transpose(k, [0, 1, 3, 2]));
  if (softcap > 0) scores = g.mul(g.unary("Tanh", g.mul(scores, 1 / softcap)), softcap);
  if (bias !== undefined) scores = g.add(scores, bias);
  if (isCausal) scores = g.add(scores, causalBias(g, g.size(q, 2), g.size(k, 2), scores));
  return g.matmul(g.node("Softmax", [scores], { axis: -1 }), v);
}

/** Score of the keys that a mask hides. Large enough to vanish, small enough for half precision. */
const hidden = -1e4;

/** Hides the keys after a query, also from a query of which a mask hides all the others. */
function causalBias(g: GraphBuilder, queries: number, keys: number, like: string): string {
  const never = g.type(like) === "float16" ? -6e4 : -1e30;
  const values = range(queries).flatMap((query) => range(keys).map((key) => (key > query ? never : 0)));
  return g.floats(values, [queries, keys], like);
}

/** `[batch, tokens, heads * width]` to `[batch, heads, tokens, width]`. */
function splitHeads(g: GraphBuilder, x: string, heads: number): string {
  if (g.rank(x) === 4) return x;
  const [batch = 1, tokens = 1, width = 1] = g.dims(x);
  return g.transpose(g.reshape(x, [batch, tokens, heads, Number(width) / heads]), [0, 2, 1, 3]);
}

/** `[batch, heads, tokens, width]` to `[batch, tokens, heads * width]`. */
function mergeHeads(g: GraphBuilder, x: string): string {
  const [batch = 1, heads = 1, tokens = 1, width = 1] = g.dims(x);
  return g.reshape(g.transpose(x, [0, 2, 1, 3]), [batch, tokens, Number(heads) * Number(width)]);
}

/** Each key-value head as often as there are queries' heads to it. */
function repeatHeads(g: GraphBuilder, x: string, times: number): string {
  if (times === 1) return x;
  const [batch = 1, heads = 1, tokens = 1, width = 1] = g.dims(x);
  const spread = g.node("Unsqueeze", [x, g.ints([2])]);
  const repeated = g.node("Tile", [spread, g.ints([1, 1, times, 1, 1])]);
  return g.reshape(repeated, [batch, Number(heads) * times, tokens, width]);
}

/** Index `index` of an axis, which is dropped. */
function pick(g: GraphBuilder, x: string, axis: number, index: number): string {
  return g.node("Gather", [x, g.ints([index], [])], { axis });
}

/** A mask of 1 (seen) and 0 (hidden) keys as a bias: `[batch, keys]` or `[batch, queries, keys]`. */
function maskBias({ g, node }: VjpContext, mask: string, like: string): string {
  const rank = g.rank(mask);
  if (rank < 2) throw unsupported(node, "a mask of lengths");
  const dims = g.dims(mask);
  const shape: readonly Dim[] =
    rank === 2 ? [dims[0] ?? 1, 1, 1, dims[1] ?? 1] : rank === 3 ? [dims[0] ?? 1, 1, ...dims.slice(1)] : dims;
  const value = floatAttribute(node, "mask_filter_value", hidden);
  const isHidden = g.node("Equal", [mask, g.cast(g.scalar(0), g.type(mask))]);
  return g.reshape(g.where(isHidden, g.scalar(value, like), 0), shape, mask);
}

function sumOf(g: GraphBuilder, a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || b === undefined ? (a ?? b) : g.add(a, b);
}

/** com.microsoft.MultiHeadAttention: query, key, value, bias, key_padding_mask, attention_bias, past. */
const multiHeadAttention: Vjp = (context) => {
  const { g, node, inputs, composite } = context;
  const [query = "", key, value, bias, mask, attentionBias, pastKey] = inputs.map(present);
  if (pastKey !== undefined) throw unsupported(node, "past keys");
  const heads = intAttribute(node, "num_heads", 1);
  const isCausal = intAttribute(node, "unidirectional", 0) === 1;
  const projections = (): readonly [string, string, string] => {
    // The bias of the three projections, one after the other.
    const biased = (x: string, start: number, size: number): string =>
      bias === undefined ? x : g.add(x, g.slice(bias, [start], [start + size], [0]));
    // One of the projections that lie together in `[batch, tokens, heads, 2 or 3, width]`.
    const part = (x: string, index: number, start: number): string => {
      const [batch = 1, tokens = 1, , , each = 1] = g.dims(x);
      const size = heads * Number(each);
      const merged = g.reshape(pick(g, x, 3, index), [batch, tokens, size]);
      return splitHeads(g, biased(merged, start, size), heads);
    };
    if (g.rank(query) === 5) {
      const width = heads * g.size(query, 4);
      return [part(query, 0, 0), part(query, 1, width), part(query, 2, 2 * width)];
    }
    const width = g.size(query, 2);
    const q = splitHeads(g, biased(query, 0, width), heads);
    if (key === undefined || value === undefined) {
      if (key === undefined || g.rank(key) !== 5) throw unsupported(node, "a missing key or value");
      return [q, part(key, 0, width), part(key, 1, 2 * width)];
    }
    const k = g.rank(key) === 4 ? key : splitHeads(g, biased(key, width, width), heads);
    const v = g.rank(value) === 4 ? value : splitHeads(g, biased(value, 2 * width, g.size(value, 2)), heads);
    return [q, k, v];
  };
  return composite(() => {
    const [q, k, v] = projections();
    // ONNX Runtime shows all keys to the last query then, on the processor only.
    if (isCausal && g.size(q, 2) !== g.size(k, 2))
      throw unsupported(node, "unidirectional attention to another number of tokens");
    const padding = mask === undefined ? undefined : maskBias(context, mask, q);
    const options = {
      scale: floatAttribute(node, "scale", 0) || 1 / Math.sqrt(g.size(q, 3)),
      bias: sumOf(g, padding, attentionBias),
      isCausal,
    };
    return [mergeHeads(g, scaledDotProduct(g, q, k, v, options)), k, v];
  });
};

/** com.microsoft.Attention: one weight `[D, 3 width]` gives query, key and value. */
const packedAttention: Vjp = (context) => {
  const { g, node, inputs, composite } = context;
  const [x = "", weight = "", bias, mask, past, attentionBias] = inputs.map(present);
  if (past !== undefined) throw unsupported(node, "past keys");
  if (intAttribute(node, "do_rotary", 0) === 1) throw unsupported(node, "rotary positions");
  const heads = intAttribute(node, "num_heads", 1);
  return composite(() => {
    const product = g.matmul(x, weight);
    const projected = bias === undefined ? product : g.add(product, bias);
    const third = g.size(weight, 1) / 3;
    const sizes = intsAttribute(node, "qkv_hidden_sizes") ?? [third, third, third];
    const [q = "", k = "", v = ""] = g.split(projected, sizes, 2).map((part) => splitHeads(g, part, heads));
    const padding = mask === undefined ? undefined : maskBias(context, mask, q);
    const options = {
      scale: floatAttribute(node, "scale", 0) || 1 / Math.sqrt(g.size(q, 3)),
      bias: sumOf(g, padding, attentionBias),
      isCausal: intAttribute(node, "unidirectional", 0) === 1,
    };
    return [mergeHeads(g, scaledDotProduct(g, q, k, v, options))];
  });
};

/** Attention of the standard domain: Q, K, V as `[batch, heads, tokens, width]` or with the heads merged. */
const attention: Vjp = (context) => {
  const { g, node, inputs, composite } = context;
  const [query = "", key = "", value = "", mask, pastKey, , padding] = inputs.map(present);
  if (pastKey !== undefined) throw unsupported(node, "past keys");
  if (padding !== undefined) throw unsupported(node, "nonpad_kv_seqlen");
  return composite(() => {
    const q = splitHeads(g, query, intAttribute(node, "q_num_heads", 1));
    const heads = g.size(q, 1);
    const [k, v] = [key, value].map((x) => splitHeads(g, x, intAttribute(node, "kv_num_heads", 1))) as [
      string,
      string,
    ];
    const repeated = (x: string): string => repeatHeads(g, x, heads / g.size(x, 1));
    const isBool = mask !== undefined && g.type(mask) === "bool";
    const options = {
      scale: floatAttribute(node, "scale", 0) || 1 / Math.sqrt(g.size(q, 3)),
      bias: isBool ? g.where(mask, g.scalar(0, q), hidden) : mask,
      isCausal: intAttribute(node, "is_causal", 0) === 1,
      softcap: floatAttribute(node, "softcap", 0),
    };
    const y = scaledDotProduct(g, q, repeated(k), repeated(v), options);
    return [g.rank(query) === 4 ? y : mergeHeads(g, y), k, v];
  });
};

export const attentionVjps: VjpTable = {
  Attention: attention,
  "com.microsoft:Attention": packedAttention,
  "com.microsoft:MultiHeadAttention": multiHeadAttention,
};
