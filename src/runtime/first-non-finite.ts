import type { GraphBuilder } from "../graph/graph-builder.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Model } from "./model.ts";

/**
 * The first node of the forward pass whose output holds a value that is not finite, as a text for messages, or
 * `undefined` if all are finite (then it is the backward pass that overflows). One forward pass of a graph of its own.
 */
export async function firstNonFinite(model: Model, image: Tensor): Promise<string | undefined> {
  const titles: string[] = [];
  const program = {
    // A graph of its own each time: the titles are known only where it is built.
    key: `non-finite ${performance.now()}`,
    epilogue(g: GraphBuilder): Readonly<Record<string, string>> {
      const sums: string[] = [];
      // The nodes appended here are not looked at.
      const nodes = g.allNodes.slice();
      for (const { name, opType, outputs } of nodes) {
        const output = outputs[0] ?? "";
        if (!g.has(output) || g.type(output) !== "float32") continue;
        // 0 times a finite number is 0; 0 times infinity or NaN is NaN, which a sum keeps.
        const zeros = g.mul(output, 0);
        const axes = Array.from({ length: g.rank(output) }, (_, axis) => axis);
        sums.push(g.reshape(g.reduce("ReduceSum", zeros, axes, false), [1, 1]));
        titles.push(`${opType} at node '${name === "" ? output : name}'`);
      }
      return { "non-finite": g.concat(sums, 1) };
    },
    outputs: ["non-finite"],
  };
  const { outputs } = await model.run(
    program,
    { batched: { image } },
    { target: { index: 0 }, score: "logit" },
  );
  const at = outputs["non-finite"]?.data.findIndex((value) => !Number.isFinite(value)) ?? -1;
  return at < 0 ? undefined : titles[at];
}
