import type { Program } from "./model.ts";

/** Shape of the network's input. */
interface InputShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * The program of a network that sees points of the straight path `baseline + position * (end - baseline)` and is
 * differentiated at them. `baseline` and `end` (`[1, C, H, W]` in input space) are shared feeds, `position`
 * `[batch, 1, 1, 1]` is batched, so that no image of the path is made in JavaScript. The output `gradient:image`,
 * `[batch, C, H, W]`, keeps the points apart: a sum in the graph would depend on how they were batched.
 *
 * @example
 * const { outputs } = await model.run(pathProgram(model), { batched: { position }, shared: { baseline, end: image } }, { target, score: "logit" });
 */
export function pathProgram({ channels, height, width }: InputShape): Program {
  return {
    key: `path|${channels}x${height}x${width}`,
    prologue: (g) => {
      const dims = [1, channels, height, width];
      const [baseline, end] = [g.input("baseline", dims), g.input("end", dims)];
      return g.add(g.mul(g.input("position", ["batch", 1, 1, 1]), g.sub(end, baseline)), baseline);
    },
    wrt: ["image"],
    outputs: ["gradient:image"],
  };
}
