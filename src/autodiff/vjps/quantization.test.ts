import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import { tensor } from "../../tensor/tensor.ts";
import { differentiate } from "../differentiate.ts";

/** The gradient of `sum c_i y_i` for a pair of QuantizeLinear and DequantizeLinear around `between`. */
async function pairGradient(
  x: ReturnType<typeof tensor>,
  scales: readonly number[],
  zeroPoints: readonly number[],
  { domain = "", axis = 1, between = (_: GraphBuilder, value: string): string => value } = {},
): Promise<readonly number[]> {
  const g = GraphBuilder.empty();
  g.input("x", x.dims);
  const isScalar = scales.length === 1;
  const dims = isScalar ? [] : [scales.length];
  const parameters = [
    g.floats(scales, dims),
    g.constant({ type: "uint8", dims, data: Uint8Array.from(zeroPoints) }),
  ];
  const [q = ""] = g.nodeMany("QuantizeLinear", ["x", ...parameters], { axis }, 1, domain);
  const moved = between(g, q);
  const [y = ""] = g.nodeMany("DequantizeLinear", [moved, ...parameters], { axis }, 1, domain);
  g.output(y);
  differentiate(g, { of: [y], wrt: ["x"] });
  const shape = g.dims(y) as readonly number[];
  const cotangent = tensor(
    Float32Array.from(x.data, (_, index) => index + 1),
    shape,
  );
  const results = await evaluate(g.build(), g.opset, { x, [`cotangent:${y}`]: cotangent });
  return Array.from(results["gradient:x"]?.data as Float32Array);
}

describe("straight-through estimation", () => {
  // scale 0.1, zero point 128 of uint8: -12.8 .. 12.7 can be represented.
  it.each(["", "com.microsoft"])(
    "passes the cotangent inside the range, nothing outside (%j)",
    async (domain) => {
      const x = tensor([-20, -12, -0.03, 0.04, 12.6, 13], [1, 6]);
      expect(await pairGradient(x, [0.1], [128], { domain })).toEqual([0, 2, 3, 4, 5, 0]);
    },
  );
  it("is a ReLU where the zero point is the smallest integer", async () => {
    const x = tensor([-3, -0.01, 0.01, 5], [1, 4]);
    expect(await pairGradient(x, [0.1], [0])).toEqual([0, 0, 3, 4]);
  });
  it("takes the range of each channel", async () => {
    const x = tensor([20, 20, 20, 20], [1, 2, 2]);
    // 0.05 * 255 = 12.75 and 0.1 * 255 = 25.5
    expect(await pairGradient(x, [0.05, 0.1], [0, 0])).toEqual([0, 0, 3, 4]);
  });
  it("follows integers through a change of shape", async () => {
    const x = tensor([1, 2, 3, 4, 5, 60], [2, 3]);
    const between = (g: GraphBuilder, q: string): string => g.transpose(g.reshape(q, [3, 2]), [1, 0]);
    // y = [[x0, x2, x4], [x1, x3, x5]] with cotangent 1..6
    expect(await pairGradient(x, [0.1], [0], { between })).toEqual([1, 4, 2, 5, 3, 0]);
  });
});
