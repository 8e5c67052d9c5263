import { checkVjp, type VjpCaseOptions, type VjpOperand } from "../../src/autodiff/check-vjp.ts";
import type { PlainAttributes } from "../../src/graph/graph-builder.ts";
import { evaluate } from "./evaluate.ts";

/** Some operands of an operator by position, and some attributes, under a name. */
export type VjpPart = readonly [
  name: string,
  part: {
    readonly operands?: Readonly<Record<number, VjpOperand>>;
    readonly attributes?: PlainAttributes;
  },
];

/** Nothing more. */
export const plain: VjpPart = ["", {}];

/** Every choice of one part from each list, under the names of all of them. */
export function combinations(
  ...lists: readonly (readonly VjpPart[])[]
): readonly (readonly [name: string, parts: readonly VjpPart[1][]])[] {
  return lists.reduce<readonly (readonly [string, readonly VjpPart[1][]])[]>(
    (all, list) =>
      all.flatMap(([name, parts]) =>
        list.map(([more, part]) => [[name, more].filter(Boolean).join(", "), [...parts, part]] as const),
      ),
    [["", []]],
  );
}

/** The error of the gradient rule of an operator put together from parts; later parts win. */
export function checkParts(
  opType: string,
  parts: readonly VjpPart[1][],
  options: VjpCaseOptions = {},
): Promise<number> {
  const given: Record<number, VjpOperand> = Object.assign({}, ...parts.map(({ operands }) => operands));
  const attributes: PlainAttributes = Object.assign(
    {},
    options.attributes,
    ...parts.map((part) => part.attributes),
  );
  const count = Math.max(...Object.keys(given).map(Number)) + 1;
  const operands = Array.from({ length: count }, (_, index) => given[index] ?? "");
  return checkVjp(evaluate, opType, operands, { ...options, attributes });
}
