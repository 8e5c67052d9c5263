import type { Vjp, VjpTable } from "../rules.ts";
import { refuse } from "./axes.ts";

/**
 * Pairs of features turned by angles that depend on the place of the token. The transpose of a rotation is the rotation
 * by the opposite angles, so the gradient is the operator itself with the sines negated.
 */
function rotaryEmbedding(cosine: number, sine: number): Vjp {
  return ({ g, node, inputs, dy, full }) => {
    const turnedBack = (): string => {
      const operands = inputs.with(0, full(dy)).with(sine, g.unary("Neg", inputs[sine] ?? ""));
      const output = g.uniqueName(`${dy}/rotated`);
      g.appendNode({ ...node, name: output, inputs: operands, outputs: [output] });
      return output;
    };
    const angle = refuse(node, "angles that depend on the image");
    return inputs.map((_, index) =>
      index === 0 ? turnedBack : index === cosine || index === sine ? angle : undefined,
    );
  };
}

export const rotaryEmbeddingVjps: VjpTable = {
  RotaryEmbedding: rotaryEmbedding(1, 2),
  "com.microsoft:RotaryEmbedding": rotaryEmbedding(2, 3),
};
