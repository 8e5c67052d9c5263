import type { Extent } from "../image/extent.ts";
import { imageDims, type Program } from "./model.ts";

/**
 * The program of a network that sees points of the straight path `baseline + position * (end - baseline)` and is
 * differentiated at them. `baseline` and `end` (`[1, C, H, W]` in input space) are shared feeds, `position`
 * `[batch, 1, 1, 1]` is batched, so that no image of the path is made in JavaScript. The output `gradient:image`,
 * `[batch, C, H, W]`, keeps the points apart: a sum in the graph would depend on how they were batched.
 *
 * @example
 * const { outputs } = await model.run(pathProgram(model), { batched: { position }, shared: { baseline, end: image } }, { target, score: "logit" });
 */
export function pathProgram(input: Extent & { readonly channels: number }): Program {
  const shape = imageDims(input);
  return {
    key: `path|${shape.join("x")}`,
    prologue: (g) => {
      const dims = [1, ...shape];
      const [baseline, end] = [g.input("baseline", dims), g.input("end", dims)];
      return g.add(
        g.mul(g.input("position", ["batch", ...shape.map(() => 1)]), g.sub(end, baseline)),
        baseline,
      );
    },
    wrt: ["image"],
    outputs: ["gradient:image"],
  };
}
