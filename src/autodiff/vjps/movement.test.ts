import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { int64, tensor } from "../../tensor/tensor.ts";
import { checkVjp, type VjpCaseOptions, type VjpOperand } from "../check-vjp.ts";

type Case = readonly [
  name: string,
  opType: string,
  operands: readonly VjpOperand[],
  options?: VjpCaseOptions,
];
const image: VjpOperand = ["batch", 3, 4, 5];
const ints = (...values: readonly number[]): VjpOperand => ({ constant: int64(values) });
const scalarInt = (value: number): VjpOperand => ({ constant: int64([value], []) });
const lengths: VjpOperand = { constant: int64([2, 4, 1]) };

const movement: readonly Case[] = [
  ["merging axes", "Reshape", [image, ints(0, -1)]],
  ["windows into the batch", "Reshape", [["batch", 4, 6], ints(-1, 6)]],
  ["windows out of the batch", "Reshape", [["4*batch", 6], ints(-1, 4, 6)]],
  ["", "Flatten", [image]],
  ["at axis 2", "Flatten", [[1, 3, 4, 5]], { attributes: { axis: 2 } }],
  ["at axis -1", "Flatten", [[1, 3, 4, 5]], { attributes: { axis: -1 } }],
  ["at axis 0", "Flatten", [[1, 3, 4, 5]], { attributes: { axis: 0 } }],
  ["with sizes kept", "Reshape", [image, ints(0, 3, 20)]],
  ["of every axis of one", "Squeeze", [[2, 1, 3, 1]]],
  ["", "Squeeze", [["batch", 3, 1, 1], ints(2, -1)]],
  ["", "Unsqueeze", [["batch", 3], ints(0, -1)]],
  ["default", "Transpose", [image]],
  ["to channels last", "Transpose", [image], { attributes: { perm: [0, 2, 3, 1] } }],
  ["of two axes and new ones", "Expand", [[3, 1, 5], ints(2, 3, 4, 1)]],
  ["of one axis", "Tile", [image, ints(1, 1, 3, 1)]],
  ["of two axes", "Tile", [image, ints(1, 2, 1, 3)]],
  ["of an axis of one", "Tile", [["batch", 1, 4], ints(1, 5, 1)]],
  ["DCR", "DepthToSpace", [["batch", 8, 2, 3]], { attributes: { blocksize: 2 } }],
  ["CRD", "DepthToSpace", [["batch", 8, 2, 3]], { attributes: { blocksize: 2, mode: "CRD" } }],
  ["", "SpaceToDepth", [["batch", 3, 4, 6]], { attributes: { blocksize: 2 } }],
  ["upper", "Trilu", [image]],
  ["lower with k", "Trilu", [image, scalarInt(1)], { attributes: { upper: 0 } }],
  ["upper with k", "Trilu", [image, scalarInt(-1)]],
  ["lower", "Trilu", [image], { attributes: { upper: 0 } }],
  ["blocks of 3", "SpaceToDepth", [["batch", 2, 6, 3]], { attributes: { blocksize: 3 } }],
  ["blocks of 3", "DepthToSpace", [["batch", 18, 2, 1]], { attributes: { blocksize: 3 } }],
  ["", "ReverseSequence", [[4, 3, 2], lengths]],
  ["batch first", "ReverseSequence", [[3, 4, 2], lengths], { attributes: { batch_axis: 0, time_axis: 1 } }],
];

const slicing: readonly Case[] = [
  ["with step 1", "Slice", [image, ints(1, 2), ints(3, 4), ints(2, 3)]],
  ["without axes", "Slice", [[2, 3, 4], ints(0, 1, 1), ints(2, 3, 4)]],
  ["with ends beyond the size", "Slice", [image, ints(-3, -100), ints(1000, -1), ints(-1, 2)]],
  ["with step 2", "Slice", [image, ints(0), ints(4), ints(2), ints(2)]],
  ["with step 3 from 1", "Slice", [["batch", 3, 8], ints(1), ints(100), ints(2), ints(3)]],
  ["with steps 2 and 3", "Slice", [["batch", 2, 7, 8], ints(1, 0), ints(7, 8), ints(2, 3), ints(2, 3)]],
  ["reversed", "Slice", [image, ints(-1), ints(-2147483648), ints(3), ints(-1)]],
  ["with step -2", "Slice", [image, ints(-2, 0), ints(-100, 3), ints(3, 1), ints(-2, 1)]],
  ["with step -3 from beyond", "Slice", [["batch", 9, 2], ints(50), ints(0), ints(1), ints(-3)]],
  ["of the whole batch", "Slice", [image, ints(0, 1), ints(2147483647, 2), ints(0, 1)]],
  ["of channels", "Concat", [image, ["batch", 2, 4, 5], image], { attributes: { axis: 1 } }],
  [
    "with a constant part",
    "Concat",
    [{ constant: tensor([1, 2, 3, 4], [1, 2, 2]) }, [1, 3, 2], [1, 1, 2]],
    { attributes: { axis: -2 } },
  ],
  [
    "all parts used",
    "Split",
    [image, ints(1, 3)],
    { attributes: { axis: 2 }, outputCount: 2, output: [0, 1] },
  ],
  ["one part used", "Split", [image, ints(1, 2, 1)], { attributes: { axis: 2 }, outputCount: 3, output: 1 }],
  [
    "two of three parts used",
    "Split",
    [image, ints(2, 1, 1)],
    { attributes: { axis: -2 }, outputCount: 3, output: [0, 2] },
  ],
  [
    "into uneven parts by count",
    "Split",
    [image],
    { attributes: { axis: 3, num_outputs: 3 }, outputCount: 3, output: [0, 1, 2], opset: 18 },
  ],
  ["constant", "Pad", [image, ints(0, 0, 1, 2, 0, 1, 0, 3)]],
  ["constant with a crop", "Pad", [image, ints(0, 0, -1, 2, 0, 0, 2, -2)]],
  ["constant with a value", "Pad", [image, ints(0, 0, 1, 0, 0, 0, 0, 0), { constant: tensor([3], []) }]],
  ["of some axes", "Pad", [image, ints(1, 2, 3, 0), "", ints(3, -2)], { opset: 18 }],
  ["reflect", "Pad", [image, ints(0, 0, 1, 2, 0, 0, 3, 4)], { attributes: { mode: "reflect" } }],
  ["edge", "Pad", [image, ints(0, 1, 1, 2, 0, 0, 3, 6)], { attributes: { mode: "edge" } }],
  ["wrap", "Pad", [image, ints(0, 0, 1, 2, 0, 0, 3, 4)], { attributes: { mode: "wrap" }, opset: 19 }],
  [
    "edge of some axes",
    "Pad",
    [image, ints(1, 2, 3, 0), "", ints(3, -2)],
    { attributes: { mode: "edge" }, opset: 18 },
  ],
  [
    "reflect of one axis",
    "Pad",
    [image, ints(2, 1), "", ints(-1)],
    { attributes: { mode: "reflect" }, opset: 18 },
  ],
  [
    "reflect in three dimensions",
    "Pad",
    [["batch", 2, 3, 4, 3], ints(0, 0, 1, 0, 2, 0, 0, 2, 1, 0)],
    {
      attributes: { mode: "reflect" },
    },
  ],
];

const feed = (values: readonly number[], dims: readonly number[]): VjpOperand => ({
  feed: int64(values, dims),
});
const known = (values: readonly number[], dims: readonly number[]): VjpOperand => ({
  constant: int64(values, dims),
});
const add = { attributes: { reduction: "add" } };
const indexing: readonly Case[] = [
  ["of one index", "Gather", [image, known([2], [])], { attributes: { axis: 1 } }],
  ["of one index, axis kept", "Gather", [image, known([-1], [1])], { attributes: { axis: 3 } }],
  ["of the first token", "Gather", [["batch", 5, 4], known([0], [])], { attributes: { axis: 1 } }],
  ["of distinct indices", "Gather", [image, known([3, 0], [2])], { attributes: { axis: 2 } }],
  ["of a permutation", "Gather", [image, known([2, 0, 1], [3])], { attributes: { axis: 1 } }],
  [
    "of a table of distinct indices",
    "Gather",
    [image, known([3, 0, 1, -3], [2, 2])],
    { attributes: { axis: -1 } },
  ],
  ["of repeated indices", "Gather", [image, known([3, 0, 3, 3], [2, 2])], { attributes: { axis: 3 } }],
  ["of the first axis, repeated", "Gather", [[4, 3], known([3, 0, 3], [3])]],
  ["of unknown indices", "Gather", [image, feed([1, -1, 1], [3])], { attributes: { axis: 1 } }],
  ["of unknown indices, first axis", "Gather", [[4, 3], feed([1, -1, 1, 0], [2, 2])]],
  ["of an unknown scalar", "Gather", [image, feed([2], [])], { attributes: { axis: 2 } }],
  ["of items of the batch", "Gather", [["batch", 3], known([1], [1])]],
  ["", "GatherElements", [[2, 3], feed([0, 1, 1, 0, -1, 0], [2, 3])]],
  ["along axis 1", "GatherElements", [[2, 3], feed([0, 2, 2, 1], [2, 2])], { attributes: { axis: 1 } }],
  ["of elements", "GatherND", [[2, 3], feed([0, 1, 1, -1, 0, 1], [3, 2])]],
  ["of rows", "GatherND", [[2, 3, 2], feed([1, 1, 0], [3, 1])]],
  ["a row of each image", "GatherND", [[2, 3, 2], feed([1, 0], [2, 1])], { attributes: { batch_dims: 1 } }],
  [
    "two batch axes",
    "GatherND",
    [[2, 2, 3, 2], feed([1, 0, 2, 1], [2, 2, 1])],
    { attributes: { batch_dims: 2 } },
  ],
  ["replacing", "ScatterElements", [[3, 3], feed([1, 0, 2], [1, 3]), [1, 3]]],
  [
    "replacing along axis 1",
    "ScatterElements",
    [[2, 4], feed([1, 3], [2, 1]), [2, 1]],
    { attributes: { axis: 1 } },
  ],
  ["adding", "ScatterElements", [[3, 3], feed([1, 0, 1, 1, 1, 1], [2, 3]), [2, 3]], add],
  [
    "adding along axis 1",
    "ScatterElements",
    [[2, 4], feed([1, 1, 0, -1], [2, 2]), [2, 2]],
    { attributes: { axis: -1, reduction: "add" } },
  ],
  ["of elements, adding", "ScatterND", [[4, 3], feed([2, 2, 0, 1, 2, 2], [3, 2]), [3]], add],
  ["replacing", "ScatterND", [[4, 3], feed([2, 0], [2, 1]), [2, 3]]],
  ["adding", "ScatterND", [[4, 3], feed([2, 2], [2, 1]), [2, 3]], add],
  [
    "along an axis",
    "Compress",
    [image, { constant: { type: "bool", dims: [4], data: Uint8Array.of(1, 0, 1, 0) } }],
    { attributes: { axis: 2 } },
  ],
  [
    "flattened",
    "Compress",
    [[2, 3], { constant: { type: "bool", dims: [4], data: Uint8Array.of(0, 1, 1, 0) } }],
  ],
];

describe("gradient rules of movement against central differences", () => {
  it.each(
    [...movement, ...slicing, ...indexing].map(([name, opType, ...rest]) => [opType, name, ...rest] as const),
  )("%s, %s", async (opType, _, operands, options = {}) => {
    expect(await checkVjp(evaluate, opType, operands, options)).toBeLessThan(2e-3);
  });
  it("Gather of repeated indices in float16", async () => {
    const options = { attributes: { axis: 1 }, type: "float16", step: 0.05 } as const;
    expect(await checkVjp(evaluate, "Gather", [[2, 4], known([3, 0, 3], [3])], options)).toBeLessThan(3e-2);
  });
  it("Gather and Pad in float64", async () => {
    const gather = { attributes: { axis: 3 }, type: "float64" } as const;
    expect(await checkVjp(evaluate, "Gather", [image, known([3, 0, 3], [3])], gather)).toBeLessThan(1e-5);
    const pad = { attributes: { mode: "reflect" }, type: "float64" } as const;
    expect(await checkVjp(evaluate, "Pad", [image, ints(0, 0, 1, 2, 0, 0, 3, 4)], pad)).toBeLessThan(1e-5);
  });
  it.each(["mul", "max"])("refuses ScatterElements with reduction %s", async (reduction) => {
    const operands = [[3], feed([1], [1]), [1]] as const;
    const check = checkVjp(evaluate, "ScatterElements", operands, { attributes: { reduction }, opset: 18 });
    await expect(check).rejects.toThrow(`no gradient rule for reduction '${reduction}'`);
  });
});
