import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { checkVjp, type VjpCaseOptions, type VjpOperand } from "../check-vjp.ts";

const cases: readonly (readonly [string, string, readonly VjpOperand[], VjpCaseOptions?])[] = [
  [
    "MatMul of matrices",
    "MatMul",
    [
      ["batch", 4],
      [4, 3],
    ],
  ],
  [
    "MatMul of a batch and a matrix",
    "MatMul",
    [
      ["batch", 5, 4],
      [4, 3],
    ],
  ],
  [
    "MatMul of two batches",
    "MatMul",
    [
      ["batch", 2, 5, 4],
      ["batch", 2, 4, 3],
    ],
  ],
  [
    "MatMul with a broadcast batch",
    "MatMul",
    [
      ["batch", 1, 5, 4],
      [2, 4, 3],
    ],
  ],
  [
    "MatMul with one column",
    "MatMul",
    [
      ["batch", 5, 4],
      [4, 1],
    ],
  ],
  [
    "MatMul with one row",
    "MatMul",
    [
      ["batch", 1, 4],
      ["batch", 4, 3],
    ],
  ],
  ["MatMul of a batch and a vector", "MatMul", [["batch", 5, 4], [4]]],
  ["MatMul of a vector and a batch", "MatMul", [[5], ["batch", 5, 4]]],
  ["MatMul of vectors", "MatMul", [[5], [5]]],
  ["Gemm", "Gemm", [["batch", 4], [4, 3], [3]]],
  [
    "Gemm without C",
    "Gemm",
    [
      ["batch", 4],
      [4, 3],
    ],
  ],
  [
    "Gemm with a transposed weight",
    "Gemm",
    [
      ["batch", 4],
      [3, 4],
      [1, 3],
    ],
    { attributes: { transB: 1 } },
  ],
  [
    "Gemm with transA",
    "Gemm",
    [
      [4, 6],
      [4, 3],
      [6, 1],
    ],
    { attributes: { transA: 1 } },
  ],
  ["Gemm with both transposed", "Gemm", [[4, 6], [3, 4], []], { attributes: { transA: 1, transB: 1 } }],
  [
    "Gemm with alpha and beta",
    "Gemm",
    [["batch", 4], [3, 4], [3]],
    { attributes: { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } } },
  ],
];

describe("gradient rules of matrix products against central differences", () => {
  it.each(cases.map(([name, ...rest]) => [name, rest] as const))(
    "%s",
    async (_, [opType, operands, options]) => {
      expect(await checkVjp(evaluate, opType, operands, options)).toBeLessThan(2e-3);
    },
  );
});
