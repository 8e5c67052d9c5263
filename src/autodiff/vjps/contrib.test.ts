import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { checkParts, combinations, plain, type VjpPart } from "../../../tests/support/vjp-combinations.ts";
import { checkVjp, type VjpCaseOptions, type VjpOperand } from "../check-vjp.ts";

type Case = readonly [
  name: string,
  opType: string,
  operands: readonly VjpOperand[],
  options?: VjpCaseOptions,
];
const tokens: VjpOperand = ["batch", 3, 8];
const microsoft: readonly Case[] = [
  ["", "Gelu", [tokens]],
  ["", "BiasGelu", [tokens, [8]]],
  ["without bias", "FastGelu", [tokens]],
  ["with bias", "FastGelu", [tokens, [8]]],
  ["", "QuickGelu", [tokens]],
  ["alpha 1", "QuickGelu", [tokens], { attributes: { alpha: { float: 1 } } }],
];

describe("gradient rules of fused operators against central differences", () => {
  it.each(microsoft.map(([name, opType, ...rest]) => [opType, name, ...rest] as const))(
    "com.microsoft %s, %s",
    async (opType, _, operands, options = {}) => {
      const domain = "com.microsoft";
      expect(await checkVjp(evaluate, opType, operands, { ...options, domain })).toBeLessThan(2e-3);
    },
  );
  const domain = "com.microsoft";
  const turns: readonly (readonly VjpPart[])[] = ["transA", "transB", "transBatchA", "transBatchB"].map(
    (name) => [plain, [name, { attributes: { [name]: 1 } }]],
  );
  // A: [2, 3, 4, 5], B: [2, 3, 5, 6], before they are turned; `transBatch` takes the first axis to the last but one.
  const turned = (dims: readonly number[], isTurned: boolean, isBatchTurned: boolean): readonly number[] => {
    const [a = 0, b = 0, rows = 0, columns = 0] = dims;
    const matrix = isTurned ? [columns, rows] : [rows, columns];
    return isBatchTurned ? [matrix[0] ?? 0, a, b, matrix[1] ?? 0] : [a, b, ...matrix];
  };
  it.each(combinations(...turns, [plain, ["alpha", { attributes: { alpha: { float: 0.3 } } }]]))(
    "FusedMatMul %s",
    async (name, parts) => {
      const is = (turn: string): boolean => name.split(", ").includes(turn);
      const operands = {
        0: turned([2, 3, 4, 5], is("transA"), is("transBatchA")),
        1: turned([2, 3, 5, 6], is("transB"), is("transBatchB")),
      };
      expect(await checkParts("FusedMatMul", [{ operands }, ...parts], { domain })).toBeLessThan(2e-3);
    },
  );
  const skips: readonly VjpPart[] = [
    plain,
    ["one for all", { operands: { 1: [1, 3, 8] } }],
    ["one without a batch", { operands: { 1: [3, 8] } }],
  ];
  const epsilons: readonly VjpPart[] = [plain, ["epsilon", { attributes: { epsilon: { float: 0.1 } } }]];
  const outputs: readonly (readonly number[])[] = [[0], [3], [0, 3]];
  it.each(
    combinations(
      skips,
      [plain, ["shift", { operands: { 3: [8] } }]],
      [plain, ["bias", { operands: { 4: [8] } }]],
      epsilons,
    ),
  )("SkipLayerNormalization %s", async (_, parts) => {
    const operands = { 0: [2, 3, 8], 1: [2, 3, 8], 2: [8] };
    for (const output of outputs) {
      // The sum alone has nothing to do with scale and shift.
      const options = { domain, outputCount: 4, output };
      expect(await checkParts("SkipLayerNormalization", [{ operands }, ...parts], options)).toBeLessThan(
        2e-3,
      );
    }
  });
  it.each(combinations(skips, [plain, ["bias", { operands: { 3: [8] } }]], epsilons))(
    "SkipSimplifiedLayerNormalization %s",
    async (_, parts) => {
      const operands = { 0: [2, 3, 8], 1: [2, 3, 8], 2: [8] };
      for (const output of outputs) {
        const options = { domain, outputCount: 4, output };
        expect(
          await checkParts("SkipSimplifiedLayerNormalization", [{ operands }, ...parts], options),
        ).toBeLessThan(2e-3);
      }
    },
  );
  it("refuses the statistics of a normalisation", async () => {
    const options = { domain, outputCount: 3, output: [0, 1] };
    const check = checkParts(
      "SkipLayerNormalization",
      [{ operands: { 0: [2, 3, 8], 1: [2, 3, 8], 2: [8] } }],
      options,
    );
    await expect(check).rejects.toThrow("no gradient rule for its output 1");
  });
});
