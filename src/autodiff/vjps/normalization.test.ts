import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { tensor } from "../../tensor/tensor.ts";
import { checkVjp, type VjpCaseOptions, type VjpOperand } from "../check-vjp.ts";

type Case = readonly [
  name: string,
  opType: string,
  operands: readonly VjpOperand[],
  options?: VjpCaseOptions,
];
const image: VjpOperand = ["batch", 4, 4, 5];
const weights = (count: number, offset = 0): VjpOperand => ({
  constant: tensor(
    Array.from({ length: count }, (_, index) => offset + Math.sin(1 + index * 1.7)),
    [count],
  ),
});
const epsilon = { epsilon: { float: 0.1 } };
const [scale, bias, mean, variance] = [weights(4), weights(4, 1), weights(4), weights(4, 1.5)] as const;

const cases: readonly Case[] = [
  ["of an image", "BatchNormalization", [image, scale, bias, mean, variance]],
  ["with epsilon", "BatchNormalization", [image, scale, bias, mean, variance], { attributes: epsilon }],
  ["of features", "BatchNormalization", [["batch", 4], scale, bias, mean, variance]],
  ["of a volume", "BatchNormalization", [["batch", 4, 2, 3, 2], scale, bias, mean, variance]],
  ["with wanted weights", "BatchNormalization", [image, [4], [4], mean, variance]],
  ["of tokens", "LayerNormalization", [["batch", 3, 6], weights(6), weights(6, 1)]],
  ["without bias", "LayerNormalization", [["batch", 3, 6], weights(6)]],
  [
    "from axis 1",
    "LayerNormalization",
    [
      ["batch", 2, 3],
      [2, 3],
      [2, 3],
    ],
    { attributes: { axis: 1, ...epsilon } },
  ],
  ["with wanted weights", "LayerNormalization", [["batch", 3, 6], [6], [6]]],
  ["of tokens", "RMSNormalization", [["batch", 3, 6], weights(6, 1)], { opset: 23 }],
  [
    "from axis -2",
    "RMSNormalization",
    [
      ["batch", 3, 6],
      [3, 6],
    ],
    { opset: 23, attributes: { axis: -2 } },
  ],
  ["of tokens", "SimplifiedLayerNormalization", [["batch", 3, 6], weights(6, 1)]],
  [
    "from axis 1, with epsilon",
    "SimplifiedLayerNormalization",
    [
      ["batch", 2, 3],
      [2, 3],
    ],
    { attributes: { axis: 1, ...epsilon } },
  ],
  ["with epsilon", "RMSNormalization", [["batch", 3, 6], [6]], { opset: 23, attributes: epsilon }],
  ["of an image", "InstanceNormalization", [image, scale, bias]],
  ["of a row", "InstanceNormalization", [["batch", 4, 7], scale, bias], { attributes: epsilon }],
  ["of a volume", "InstanceNormalization", [["batch", 4, 2, 3, 2], scale, bias]],
  ["with wanted weights", "InstanceNormalization", [image, [4], [4]]],
  [
    "scale a group",
    "GroupNormalization",
    [image, weights(2), weights(2)],
    { opset: 18, attributes: { num_groups: 2 } },
  ],
  [
    "scale a channel",
    "GroupNormalization",
    [image, scale, bias],
    { opset: 21, attributes: { num_groups: 2 } },
  ],
  [
    "wanted weights a group",
    "GroupNormalization",
    [image, [2], [2]],
    { opset: 18, attributes: { num_groups: 2 } },
  ],
  [
    "wanted weights a channel",
    "GroupNormalization",
    [image, [4], [4]],
    { opset: 21, attributes: { num_groups: 2 } },
  ],
  ["one group", "GroupNormalization", [image, scale, bias], { opset: 21, attributes: { num_groups: 1 } }],
  [
    "with epsilon, of a volume",
    "GroupNormalization",
    [["batch", 4, 2, 3, 2], [4], [4]],
    { opset: 21, attributes: { num_groups: 2, ...epsilon } },
  ],
  [
    "as many groups as channels",
    "GroupNormalization",
    [image, scale, bias],
    { opset: 18, attributes: { num_groups: 4 } },
  ],
  ["odd size", "LRN", [["batch", 7, 3, 3]], { attributes: { size: 3, alpha: { float: 0.9 } } }],
  [
    "wide band",
    "LRN",
    [["batch", 7, 3, 3]],
    { attributes: { size: 5, alpha: { float: 0.9 }, beta: { float: 0.6 } } },
  ],
  [
    "wider than the channels",
    "LRN",
    [["batch", 3, 3, 3]],
    { attributes: { size: 9, alpha: { float: 2 }, bias: { float: 2 } } },
  ],
  ["p = 2", "LpNormalization", [image]],
  ["p = 2 over channels", "LpNormalization", [image], { attributes: { axis: 1 } }],
  ["p = 1 over the last axis", "LpNormalization", [image], { attributes: { p: 1 } }],
  ["p = 1", "LpNormalization", [image], { attributes: { axis: -2, p: 1 } }],
  ["of the whole batch", "MeanVarianceNormalization", [image]],
  ["of each image", "MeanVarianceNormalization", [image], { attributes: { axes: [1, 2, 3] } }],
];

describe("gradient rules of normalisation against central differences", () => {
  it.each(cases.map(([name, opType, ...rest]) => [opType, name, ...rest] as const))(
    "%s, %s",
    async (opType, _, operands, options = {}) => {
      expect(await checkVjp(evaluate, opType, operands, options)).toBeLessThan(2e-3);
    },
  );
  it("refuses the statistics of LayerNormalization as outputs", async () => {
    const options = { outputCount: 3, output: [0, 1] };
    const check = checkVjp(evaluate, "LayerNormalization", [["batch", 3, 6], [6]], options);
    await expect(check).rejects.toThrow("no gradient rule for its mean and deviation as outputs");
  });
  it("LayerNormalization in float64", async () => {
    const double: VjpOperand = {
      constant: { type: "float64", dims: [6], data: Float64Array.of(1, 2, -1, 0.5, 3, 1) },
    };
    const error = await checkVjp(evaluate, "LayerNormalization", [["batch", 3, 6], double], {
      type: "float64",
    });
    expect(error).toBeLessThan(1e-3);
  });
  it("LayerNormalization in float16", async () => {
    const options = { type: "float16", step: 0.05 } as const;
    const error = await checkVjp(evaluate, "LayerNormalization", [[2, 3, 6], [6], [6]], options);
    expect(error).toBeLessThan(3e-2);
  });
  it("refuses BatchNormalization in training mode", async () => {
    const operands = [image, scale, bias, mean, variance];
    const options = { attributes: { training_mode: 1 }, outputCount: 3 };
    await expect(checkVjp(evaluate, "BatchNormalization", operands, options)).rejects.toThrow(
      "training mode",
    );
  });
});
