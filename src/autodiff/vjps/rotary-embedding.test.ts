import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import type { AnyTensor } from "../../tensor/tensor.ts";
import { checkVjp, type VjpOperand } from "../check-vjp.ts";

/** Cosines or sines of the angles of four places, `count` each. */
const table = (count: number, of: (angle: number) => number): VjpOperand => ({
  constant: {
    type: "float32",
    dims: [4, count],
    data: Float32Array.from({ length: 4 * count }, (_, index) => of(0.7 * index + 0.2)),
  },
});
const tables = (count: number): readonly VjpOperand[] => [table(count, Math.cos), table(count, Math.sin)];
const places = (values: readonly bigint[], dims: readonly number[]): { constant: AnyTensor } => ({
  constant: { type: "int64", dims, data: BigInt64Array.from(values) },
});
const eachToken = places([0n, 1n, 2n, 3n, 1n, 0n], [2, 3]);
const heads: VjpOperand = [2, 2, 3, 8];
const tokens: VjpOperand = [2, 3, 16];

describe("gradient rule of RotaryEmbedding against central differences", () => {
  it.each<[string, readonly VjpOperand[], Record<string, number>]>([
    ["of heads", [heads, eachToken, ...tables(4)], {}],
    ["from a first place on", [heads, places([1n], [1]), ...tables(4)], {}],
    ["interleaved", [heads, eachToken, ...tables(4)], { interleaved: 1 }],
    ["of tokens", [tokens, eachToken, ...tables(4)], { num_heads: 2 }],
    ["of a part", [tokens, eachToken, ...tables(2)], { num_heads: 2, rotary_embedding_dim: 4 }],
    [
      "interleaved, of a part",
      [tokens, eachToken, ...tables(2)],
      { num_heads: 2, rotary_embedding_dim: 4, interleaved: 1 },
    ],
    ["interleaved, of tokens", [tokens, places([1n], [1]), ...tables(4)], { num_heads: 2, interleaved: 1 }],
  ])("com.microsoft, %s", async (_, operands, attributes) => {
    const options = { attributes, domain: "com.microsoft" };
    expect(await checkVjp(evaluate, "RotaryEmbedding", operands, options)).toBeLessThan(2e-3);
  });
  it.each([0, 1])("the standard one without places, interleaved %i", async (interleaved) => {
    const each = (of: (angle: number) => number): VjpOperand => ({
      constant: {
        type: "float32",
        dims: [2, 3, 4],
        data: Float32Array.from({ length: 24 }, (_, index) => of(0.7 * index + 0.2)),
      },
    });
    const operands = [heads, each(Math.cos), each(Math.sin)];
    const options = { attributes: { interleaved }, opset: 23 };
    expect(await checkVjp(evaluate, "RotaryEmbedding", operands, options)).toBeLessThan(2e-3);
  });
  it.each<[string, readonly VjpOperand[], Record<string, number>]>([
    ["of tokens", [tokens, ...tables(4), eachToken], { num_heads: 2 }],
    [
      "interleaved, of a part of heads",
      [heads, ...tables(2), eachToken],
      { interleaved: 1, rotary_embedding_dim: 4 },
    ],
    ["of heads", [heads, ...tables(4), eachToken], {}],
    ["interleaved", [heads, ...tables(4), eachToken], { interleaved: 1 }],
    ["of a part of tokens", [tokens, ...tables(2), eachToken], { num_heads: 2, rotary_embedding_dim: 4 }],
  ])("the standard one, %s", async (_, operands, attributes) => {
    const options = { attributes, opset: 23 };
    expect(await checkVjp(evaluate, "RotaryEmbedding", operands, options)).toBeLessThan(2e-3);
  });
  it("refuses angles that depend on the image", async () => {
    const check = checkVjp(evaluate, "RotaryEmbedding", [heads, [4, 4], [4, 4], eachToken], { opset: 23 });
    await expect(check).rejects.toThrow("no gradient rule for angles that depend on the image");
  });
});
