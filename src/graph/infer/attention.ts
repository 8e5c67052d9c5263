import type { KnownValue } from "../infer-node.ts";
import {
  dimOf,
  knownValue,
  sameShape,
  type InferContext,
  type InferRule,
  type InferTable,
} from "./context.ts";

/** Heads and width of Q, K or V, given as `[B, heads, S, width]` or `[B, S, heads * width]` with the number of heads. */
function heads(
  c: InferContext,
  x: KnownValue,
  attribute: string,
): { batch: number; count: number; length: number; width: number } {
  if (x.dims.length === 4) {
    return { batch: dimOf(c, x, 0), count: dimOf(c, x, 1), length: dimOf(c, x, 2), width: dimOf(c, x, 3) };
  }
  const count = c.int(attribute, 0);
  if (count < 1) c.fail(`no ${attribute} for an operand of shape [${x.dims.join(", ")}].`);
  return { batch: dimOf(c, x, 0), count, length: dimOf(c, x, 1), width: dimOf(c, x, 2) / count };
}

/** Attention of the standard domain (opset 23): Y, present_key, present_value, qk_matmul_output. */
const attention: InferRule = (c) => {
  const query = c.input(0);
  const q = heads(c, query, "q_num_heads");
  const k = heads(c, c.input(1), "kv_num_heads");
  const v = heads(c, c.input(2), "kv_num_heads");
  const total = k.length + (c.optional(4)?.dims[2] ?? 0);
  const dims =
    query.dims.length === 4 ? [q.batch, q.count, q.length, v.width] : [q.batch, q.length, q.count * v.width];
  return [
    knownValue(c, query.type, dims),
    knownValue(c, c.input(1).type, [k.batch, k.count, total, k.width]),
    knownValue(c, c.input(2).type, [v.batch, v.count, total, v.width]),
    knownValue(c, query.type, [q.batch, q.count, q.length, total]),
  ];
};

export const attentionRules: InferTable = {
  Attention: attention,
  RotaryEmbedding: (c) => [sameShape(c)],
};

/** com.microsoft.Attention: input [B, S, D] and one weight for Q, K and V together. */
export const packedAttention: InferRule = (c) => {
  const x = c.input(0);
  const [batch = 0, length = 0] = x.dims;
  const sizes = c.ints("qkv_hidden_sizes");
  const width = sizes?.[2] ?? dimOf(c, c.input(1), 1) / 3;
  const count = Math.max(1, c.int("num_heads", 1));
  const past = c.optional(4)?.dims[3] ?? 0;
  return [
    knownValue(c, x.type, [batch, length, width]),
    ...(c.node.outputs.length > 1
      ? [knownValue(c, x.type, [2, batch, count, past + length, width / count])]
      : []),
  ];
};

/** com.microsoft.MultiHeadAttention: separate Q, K, V, or packed as [B, S, heads, 3, width] / [B, L, heads, 2, width]. */
export const multiHeadAttention: InferRule = (c) => {
  const query = c.input(0);
  const [batch = 0, length = 0, third = 0] = query.dims;
  if (query.dims.length === 5)
    return [knownValue(c, query.type, [batch, length, third * dimOf(c, query, 4)])];
  const key = c.optional(1);
  const value = c.optional(2);
  let width = third;
  if (key?.dims.length === 5) width = dimOf(c, key, 2) * dimOf(c, key, 4);
  else if (value?.dims.length === 4) width = dimOf(c, value, 1) * dimOf(c, value, 3);
  else if (value !== undefined) width = dimOf(c, value, 2);
  const count = Math.max(1, c.int("num_heads", 1));
  const keys = (key?.dims.length === 4 ? key.dims[2] : key?.dims[1]) ?? length;
  const total = keys + (c.optional(6)?.dims[2] ?? 0);
  const outputs = [
    knownValue(c, query.type, [batch, length, width]),
    knownValue(c, query.type, [batch, count, total, third / count]),
    knownValue(c, query.type, [batch, count, total, width / count]),
  ];
  return outputs.slice(0, Math.max(1, c.node.outputs.length));
};
