import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { tensor } from "../../tensor/tensor.ts";
import { checkVjp, type VjpCaseOptions, type VjpOperand } from "../check-vjp.ts";

const image: VjpOperand = ["batch", 3, 4, 5];
const scalar = (value: number): VjpOperand => ({ constant: tensor([value], []) });
const cases: readonly (readonly [string, string, readonly VjpOperand[], VjpCaseOptions?])[] = [
  ["Add of equal shapes", "Add", [image, image]],
  ["Add of a channel bias", "Add", [image, [3, 1, 1]]],
  ["Add of a row to a column", "Add", [["batch", 1, 4, 1], [5]]],
  ["Sub with a repeated batch axis", "Sub", [[1, 3, 4, 5], image]],
  ["Mul of equal shapes", "Mul", [image, image]],
  ["Mul by a channel gate", "Mul", [image, ["batch", 3, 1, 1]]],
  ["Mul by a scalar input", "Mul", [image, []]],
  ["Div by a column", "Div", [image, ["batch", 1, 4, 1]], { range: [0.5, 2] }],
  ["Pow with exponent 2", "Pow", [image, scalar(2)]],
  ["Pow with exponent 3", "Pow", [image, scalar(3)]],
  ["Pow with exponent 1", "Pow", [image, scalar(1)]],
  ["Pow with exponent 0.5", "Pow", [image, scalar(0.5)], { range: [0.5, 2] }],
  ["Pow with a variable exponent", "Pow", [image, [3, 1, 1]], { range: [0.5, 2] }],
  ["Sum of three", "Sum", [image, [3, 1, 1], image]],
  ["Mean of three", "Mean", [image, [5], image]],
  ["Max of two", "Max", [image, image], { distinct: true }],
  ["Max of one and a broadcast row", "Max", [image, [5]], { distinct: true, seed: 4 }],
  ["Min of three", "Min", [image, image, image], { distinct: true, seed: 3 }],
  [
    "Where with a broadcast condition",
    "Where",
    [{ constant: { type: "bool", dims: [4, 1], data: Uint8Array.of(1, 0, 0, 1) } }, image, [3, 1, 1]],
  ],
  ["Neg", "Neg", [image]],
  ["Abs", "Abs", [image]],
  ["Sqrt", "Sqrt", [image], { range: [0.5, 2] }],
  ["Reciprocal", "Reciprocal", [image], { range: [0.5, 2] }],
  ["Exp", "Exp", [image]],
  ["Log", "Log", [image], { range: [0.5, 2] }],
  ["Sin", "Sin", [image]],
  ["Cos", "Cos", [image]],
  ["Tan", "Tan", [image]],
  ["Atan", "Atan", [image]],
  ["Sinh", "Sinh", [image]],
  ["Cosh", "Cosh", [image]],
  ["Identity", "Identity", [image]],
  ["Dropout in inference", "Dropout", [image]],
  ["Relu", "Relu", [image]],
  ["LeakyRelu", "LeakyRelu", [image]],
  ["LeakyRelu with slope 0.3", "LeakyRelu", [image], { attributes: { alpha: { float: 0.3 } } }],
  ["LeakyRelu with slope 1.5", "LeakyRelu", [image], { attributes: { alpha: { float: 1.5 } } }],
  ["PRelu with a slope a channel", "PRelu", [image, [3, 1, 1]]],
  ["PRelu with one slope", "PRelu", [image, [1]]],
  ["ThresholdedRelu", "ThresholdedRelu", [image], { attributes: { alpha: { float: 0.3 } }, kinks: [0.3] }],
  ["Clip to 0..6", "Clip", [image, scalar(0), scalar(6)], { range: [-4, 10], kinks: [0, 6] }],
  ["Clip to -0.5..0.7", "Clip", [image, scalar(-0.5), scalar(0.7)], { kinks: [-0.5, 0.7] }],
  ["Clip from below", "Clip", [image, scalar(0.2)], { kinks: [0.2] }],
  ["Clip from above", "Clip", [image, "", scalar(0.2)], { kinks: [0.2] }],
  ["Clip without bounds", "Clip", [image]],
  ["Clip to a huge bound", "Clip", [image, scalar(-0.5), scalar(1e9)], { kinks: [-0.5] }],
  ["Elu", "Elu", [image]],
  ["Elu with alpha 0.5", "Elu", [image], { attributes: { alpha: { float: 0.5 } } }],
  ["Selu", "Selu", [image]],
  [
    "Selu with its own constants",
    "Selu",
    [image],
    { attributes: { alpha: { float: 1.2 }, gamma: { float: 0.8 } } },
  ],
  ["Celu", "Celu", [image], { attributes: { alpha: { float: 0.7 } } }],
  ["Sigmoid", "Sigmoid", [image]],
  ["Tanh", "Tanh", [image]],
  ["HardSigmoid", "HardSigmoid", [image], { range: [-4, 4], kinks: [-2.5, 2.5] }],
  [
    "HardSigmoid with its own slope",
    "HardSigmoid",
    [image],
    { attributes: { alpha: { float: 0.5 }, beta: { float: 0.4 } }, range: [-2, 2], kinks: [-0.8, 1.2] },
  ],
  ["HardSwish", "HardSwish", [image], { range: [-5, 5], kinks: [-3, 3] }],
  ["Softplus", "Softplus", [image]],
  ["Softsign", "Softsign", [image]],
  ["Mish", "Mish", [image], { opset: 18 }],
  ["Erf", "Erf", [image]],
  ["Gelu", "Gelu", [image], { opset: 20 }],
  ["Gelu by tanh", "Gelu", [image], { opset: 20, attributes: { approximate: "tanh" } }],
];

describe("element-wise gradient rules against central differences", () => {
  it.each(cases.map(([name, ...rest]) => [name, rest] as const))(
    "%s",
    async (_, [opType, operands, options]) => {
      expect(await checkVjp(evaluate, opType, operands, options)).toBeLessThan(2e-3);
    },
  );
});
