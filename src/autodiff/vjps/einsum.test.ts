import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { checkVjp, type VjpOperand } from "../check-vjp.ts";

const cases: readonly (readonly [equation: string, operands: readonly VjpOperand[]])[] = [
  [
    "ij,jk->ik",
    [
      ["batch", 3],
      [3, 4],
    ],
  ],
  [
    "bij , bjk -> bik",
    [
      ["batch", 2, 3],
      ["batch", 3, 4],
    ],
  ],
  [
    "bhid,bhjd->bhij",
    [
      ["batch", 2, 3, 4],
      ["batch", 2, 5, 4],
    ],
  ],
  [
    "...ij,...jk->...ik",
    [
      [2, 2, 2, 3],
      [2, 1, 3, 4],
    ],
  ],
  [
    "...ij,...jk",
    [
      ["batch", 2, 3],
      ["batch", 3, 4],
    ],
  ],
  ["b...,c->b...c", [["batch", 2, 3], [4]]],
  ["i,j->ij", [[3], [4]]],
  [
    "ij,jk",
    [
      [2, 3],
      [3, 4],
    ],
  ],
  ["ji->ij", [[2, 3]]],
  ["ba", [[2, 3]]],
  ["bij->b", [["batch", 2, 3]]],
  ["bij->", [[2, 2, 3]]],
  ["bij,k->bk", [["batch", 2, 3], [4]]],
  [
    "bi,bi->b",
    [
      ["batch", 3],
      ["batch", 3],
    ],
  ],
  [
    "nctkv,kvw->nctw",
    [
      ["batch", 2, 3, 2, 4],
      [2, 4, 4],
    ],
  ],
  [
    "ab,bc,cd->ad",
    [
      [2, 3],
      [3, 4],
      [4, 2],
    ],
  ],
  [
    "aB,Bz->az",
    [
      [2, 3],
      [3, 4],
    ],
  ],
];

describe("gradient rules of Einsum against central differences", () => {
  it.each(cases)("%s", async (equation, operands) => {
    expect(await checkVjp(evaluate, "Einsum", operands, { attributes: { equation } })).toBeLessThan(2e-3);
  });
  it("sums over an axis of 1 that the ellipsis repeated", async () => {
    const attributes = { equation: "...i,...i->...i" };
    expect(
      await checkVjp(
        evaluate,
        "Einsum",
        [
          [1, 3],
          [4, 3],
        ],
        { attributes },
      ),
    ).toBeLessThan(2e-3);
  });
  it("refuses a diagonal", async () => {
    const check = checkVjp(evaluate, "Einsum", [[3, 3]], { attributes: { equation: "ii->i" } });
    await expect(check).rejects.toThrow("no gradient rule for a diagonal");
  });
});
