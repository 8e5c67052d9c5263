import type { GraphBuilder } from "../../graph/graph-builder.ts";

/**
 * The class that is explained, int64 `[batch]`: the target (int64 `[batch]`), or the class with the highest logit where the
 * target is negative.
 */
export function explainedClass(g: GraphBuilder, logits: string, target: string): string {
  const best = g.node("ArgMax", [logits], { axis: 1, keepdims: 0 });
  return g.where(g.less(target, g.ints([0])), best, target);
}

/** float32 `[batch, K]`: 1 at the class, else 0; all 0 for an index that is no class. */
export function oneHot(g: GraphBuilder, classes: string, classCount: number): string {
  const indices = g.ints(
    Array.from({ length: classCount }, (_, index) => index),
    [1, classCount],
  );
  const column = g.node("Unsqueeze", [classes, g.ints([1])]);
  return g.cast(g.equal(column, indices), "float32");
}
