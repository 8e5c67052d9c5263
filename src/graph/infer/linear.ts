import type { KnownValue } from "../infer-node.ts";
import { broadcastDims, expandElements } from "./broadcast.ts";
import { dimOf, knownValue, type InferContext, type InferRule, type InferTable } from "./context.ts";
import { roundAll } from "./rounding.ts";

/** Shape of numpy's matmul of two shapes. */
export function matMulDims(c: InferContext, a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length === 0 || b.length === 0) c.fail("a scalar operand.");
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  if (left.at(-1) !== right.at(-2))
    c.fail(`[${a.join(", ")}] times [${b.join(", ")}]: the inner sizes differ.`);
  const batch = broadcastDims(c, [left.slice(0, -2), right.slice(0, -2)]);
  const dims = [...batch];
  if (a.length > 1) dims.push(left.at(-2) ?? 0);
  if (b.length > 1) dims.push(right.at(-1) ?? 0);
  return dims;
}

/** A batched matrix product whose operands are at the given inputs, with a result of the given type. */
export function matMul(aAt: number, bAt: number, type?: (c: InferContext) => KnownValue["type"]): InferRule {
  return (c) => {
    const a = c.input(aAt);
    return [knownValue(c, type?.(c) ?? a.type, matMulDims(c, a.dims, c.input(bAt).dims))];
  };
}

/** Position codes multiply small constants; everything else keeps only its shape. */
const matMulRule: InferRule = (c) => {
  const a = c.input(0);
  const b = c.input(1);
  const dims = matMulDims(c, a.dims, b.dims);
  return [
    knownValue(c, a.type, dims, () => {
      if (a.value === undefined || b.value === undefined) return undefined;
      const left = a.dims.length === 1 ? [1, ...a.dims] : a.dims;
      const right = b.dims.length === 1 ? [...b.dims, 1] : b.dims;
      const batch = broadcastDims(c, [left.slice(0, -2), right.slice(0, -2)]);
      const [m = 0, k = 0] = left.slice(-2);
      const n = right.at(-1) ?? 0;
      const x = expandElements({ ...a, dims: left }, [...batch, m, k]);
      const y = expandElements({ ...b, dims: right }, [...batch, k, n]);
      if (x === undefined || y === undefined) return undefined;
      const count = m * n === 0 ? 0 : batch.reduce((product, dim) => product * dim, 1);
      const result: number[] = [];
      for (let item = 0; item < count; item++) {
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            let sum = 0;
            for (let l = 0; l < k; l++)
              sum += (x[(item * m + i) * k + l] ?? 0) * (y[(item * k + l) * n + j] ?? 0);
            result.push(sum);
          }
        }
      }
      return roundAll(a.type, result);
    }),
  ];
};

/** `[rows, columns]` of a Gemm. */
export function gemmDims(c: InferContext, a: KnownValue, b: KnownValue): readonly number[] {
  if (a.dims.length !== 2 || b.dims.length !== 2) {
    c.fail(`expected matrices, got [${a.dims.join(", ")}] and [${b.dims.join(", ")}].`);
  }
  const [m, k] =
    c.int("transA", 0) === 1 ? [dimOf(c, a, 1), dimOf(c, a, 0)] : [dimOf(c, a, 0), dimOf(c, a, 1)];
  const [l, n] =
    c.int("transB", 0) === 1 ? [dimOf(c, b, 1), dimOf(c, b, 0)] : [dimOf(c, b, 0), dimOf(c, b, 1)];
  if (k !== l) c.fail(`[${a.dims.join(", ")}] and [${b.dims.join(", ")}]: the inner sizes differ.`);
  return [m, n];
}

export const gemm: InferRule = (c) => [knownValue(c, c.input(0).type, gemmDims(c, c.input(0), c.input(1)))];

/** The terms of an Einsum equation: one list of labels an operand and one for the output; `...` as labels `0`, `1`, ... from the right. */
export function einsumTerms(c: InferContext): {
  readonly terms: readonly (readonly string[])[];
  readonly output: readonly string[];
} {
  const equation = c.text("equation", "").replaceAll(" ", "");
  const [left = "", right] = equation.split("->");
  const ranks = c.inputs.map((_, index) => c.input(index).dims.length);
  const parts = left.split(",");
  if (parts.length !== ranks.length) c.fail(`equation "${equation}" for ${ranks.length} operands.`);
  let longest = 0;
  const label = (part: string, hidden: number): readonly string[] => {
    const [before = "", after] = part.split("...");
    if (after === undefined) return Array.from(before);
    return [
      ...Array.from(before),
      ...Array.from({ length: Math.max(0, hidden) }, (_, i) => String(hidden - 1 - i)),
      ...Array.from(after),
    ];
  };
  const terms = parts.map((part, index) => {
    const hidden = part.includes("...") ? (ranks[index] ?? 0) - (part.length - 3) : 0;
    longest = Math.max(longest, hidden);
    return label(part, hidden);
  });
  if (right !== undefined) return { terms, output: label(right, longest) };
  // Without an arrow: the ellipsis, then the labels that occur once, in alphabetical order.
  const all = terms.flat().filter((name) => !/\d/.test(name));
  const once = all.filter((name) => all.indexOf(name) === all.lastIndexOf(name)).toSorted();
  return { terms, output: [...label("...", longest), ...once] };
}

const einsum: InferRule = (c) => {
  const { terms, output } = einsumTerms(c);
  const sizes = new Map<string, number>();
  terms.forEach((term, index) => {
    const { dims } = c.input(index);
    if (term.length !== dims.length)
      c.fail(`operand ${index} has shape [${dims.join(", ")}], its term ${term.length} labels.`);
    term.forEach((label, axis) => {
      const size = dims[axis] ?? 1;
      const known = sizes.get(label) ?? 1;
      if (known !== 1 && size !== 1 && known !== size)
        c.fail(`label ${label} has sizes ${known} and ${size}.`);
      sizes.set(label, Math.max(known, size));
    });
  });
  return [
    knownValue(
      c,
      c.input(0).type,
      output.map((label) => sizes.get(label) ?? c.fail(`label ${label} is in no operand.`)),
    ),
  ];
};

/** Matrix products. */
export const linearRules: InferTable = {
  MatMul: matMulRule,
  Gemm: gemm,
  Einsum: einsum,
  Det: (c) => [knownValue(c, c.input(0).type, c.input(0).dims.slice(0, -2))],
};
