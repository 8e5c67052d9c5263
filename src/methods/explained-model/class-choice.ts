import type { GraphBuilder } from "../../graph/graph-builder.ts";

/** The class that is explained, chosen when the graph runs. */
export interface ClassChoice {
  /** Graph input, int64 `[batch]`: a class index, or a negative number for the class with the highest score. */
  readonly target: string;
  /** int64 `[batch]`: the class that it came to. */
  readonly explained: string;
  /** float32 `[batch, K]`: 1 at the class, else 0; all 0 for an index that is no class. */
  readonly oneHot: string;
}

/** Appends the choice of a class by a new graph input. */
export function chooseClass(g: GraphBuilder, logits: string, inputName: string): ClassChoice {
  const target = g.input(inputName, [g.dim(logits, 0)], "int64");
  const classCount = g.size(logits, 1);
  const best = g.node("ArgMax", [logits], { axis: 1, keepdims: 0 });
  const explained = g.where(g.less(target, g.ints([0])), best, target);
  const indices = g.ints(
    Array.from({ length: classCount }, (_, index) => index),
    [1, classCount],
  );
  const column = g.node("Unsqueeze", [explained, g.ints([1])]);
  return { target, explained, oneHot: g.cast(g.equal(column, indices), "float32") };
}
