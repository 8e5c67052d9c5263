import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { stringAttribute, type GraphNode } from "../../graph/graph.ts";
import type { VjpContext, VjpTable } from "../rules.ts";
import { range, unsupported } from "./axes.ts";

/** The letters of each operand and of the result, `...` written out. */
interface Subscripts {
  readonly operands: readonly (readonly string[])[];
  readonly result: readonly string[];
}

/** The letters of a term; axes behind `...` are named by their distance from its end, so that terms of different rank align. */
function expanded(term: string, rank: number): readonly string[] {
  const [before = "", after] = term.split("...");
  if (after === undefined) return Array.from(before);
  const count = rank - before.length - after.length;
  const between = range(count).map((index) => ellipsisLetter(count - index));
  return [Array.from(before), between, Array.from(after)].flat();
}

/** Stands for the axis that is `distance` from the end of the ellipsis. */
function ellipsisLetter(distance: number): string {
  return `.${distance}`;
}

function parse(g: GraphBuilder, node: GraphNode, inputs: readonly string[], rank: number): Subscripts {
  const equation = stringAttribute(node, "equation", "").replaceAll(/\s/g, "");
  const [left = "", right] = equation.split("->");
  const terms = left.split(",");
  const operands = terms.map((term, index) => expanded(term, g.rank(inputs[index] ?? "")));
  if (right !== undefined) return { operands, result: expanded(right, rank) };
  // Without an arrow: the ellipsis, then the letters that occur once, in alphabetical order.
  const all = operands.flat();
  const ellipsis = [...new Set(all.filter((letter) => letter.startsWith(".")))];
  const single = [...new Set(all)].filter(
    (letter) => !letter.startsWith(".") && all.indexOf(letter) === all.lastIndexOf(letter),
  );
  return {
    operands,
    result: [
      ...ellipsis.sort((a, b) => Number(b.slice(1)) - Number(a.slice(1))),
      ...single.sort((a, b) => (a < b ? -1 : 1)),
    ],
  };
}

/** Writes subscripts as an equation of plain letters. */
function equationOf(operands: readonly (readonly string[])[], result: readonly string[]): string {
  const used = new Set([...operands.flat(), ...result]);
  const free = Array.from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").filter(
    (letter) => !used.has(letter),
  );
  const names = new Map<string, string>();
  for (const letter of used) names.set(letter, letter.startsWith(".") ? (free.pop() ?? "") : letter);
  const write = (letters: readonly string[]): string =>
    letters.map((letter) => names.get(letter) ?? "").join("");
  return `${operands.map(write).join()}->${write(result)}`;
}

/**
 * The cotangent of one operand: the cotangent of the result contracted with the other operands. An axis that only this
 * operand has, or along which it was repeated, comes back as 1.
 */
function operandVjp({ g, node, inputs, y, dy, full }: VjpContext, operand: number): string {
  const { operands, result } = parse(g, node, inputs, g.rank(y));
  const own = operands[operand] ?? [];
  if (new Set(own).size !== own.length) throw unsupported(node, "a diagonal (a letter twice in one operand)");
  const others = operands.flatMap((letters, index) =>
    index === operand ? [] : [{ letters, value: inputs[index] ?? "" }],
  );
  const target = inputs[operand] ?? "";
  const sources = [{ letters: result, value: full(dy) }, ...others];
  const missing = own.flatMap((letter, axis) => {
    const sizes = sources.flatMap((source) => {
      const position = source.letters.indexOf(letter);
      return position < 0 ? [] : [g.dim(source.value, position)];
    });
    const isRepeated = g.dim(target, axis) === 1 && sizes.some((size) => size !== 1);
    return sizes.length === 0 || isRepeated ? [axis] : [];
  });
  const kept = own.filter((_, axis) => !missing.includes(axis));
  const equation = equationOf(
    sources.map(({ letters }) => letters),
    kept,
  );
  const product = g.node(
    "Einsum",
    sources.map(({ value }) => value),
    { equation },
  );
  return missing.length === 0 ? product : g.node("Unsqueeze", [product, g.ints(missing)]);
}

export const einsumVjps: VjpTable = {
  Einsum: (context) => context.inputs.map((_, operand) => () => operandVjp(context, operand)),
};
