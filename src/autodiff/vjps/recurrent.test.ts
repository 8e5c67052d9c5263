import { describe, expect, it } from "vitest";
import { evaluate } from "../../../tests/support/evaluate.ts";
import { checkParts, combinations, plain, type VjpPart } from "../../../tests/support/vjp-combinations.ts";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import { toAttributes, type PlainAttributes } from "../../graph/plain-attributes.ts";
import { mersenneStream } from "../../random/random-stream.ts";
import { elementCount } from "../../tensor/tensor.ts";
import { unroll } from "./recurrent.ts";

// Four steps of two sequences of three values, with a state of five.
const [steps, batch, width, hidden] = [4, 2, 3, 5];
const kinds = {
  LSTM: { gates: 4, activations: 3, outputs: 3 },
  GRU: { gates: 3, activations: 2, outputs: 2 },
  RNN: { gates: 1, activations: 1, outputs: 2 },
} as const;
type Kind = keyof typeof kinds;
const names = Object.keys(kinds) as readonly Kind[];

/** The directions that a node can take, with its operands. */
function sidesOf(opType: Kind): readonly (readonly [count: number, part: VjpPart])[] {
  const { gates } = kinds[opType];
  return (["forward", "reverse", "bidirectional"] as const).map((direction) => {
    const count = direction === "bidirectional" ? 2 : 1;
    const operands = {
      0: [steps, batch, width],
      1: [count, gates * hidden, width],
      2: [count, gates * hidden, hidden],
    };
    return [count, [direction, { operands, attributes: { direction, hidden_size: hidden } }]];
  });
}

/** An operator in all forms, with each choice of further operands, or with all of them and each mode. */
function casesOf(opType: Kind, modes?: (directions: number) => readonly VjpPart[]) {
  return sidesOf(opType).flatMap(([count, side]) => {
    const part = (name: string, operands: Readonly<Record<number, readonly number[]>>): VjpPart => [
      name,
      { operands },
    ];
    const further = [
      part("bias", { 3: [count, 2 * kinds[opType].gates * hidden] }),
      part("initial state", { 5: [count, batch, hidden] }),
      ...(opType === "LSTM"
        ? [part("initial cell", { 6: [count, batch, hidden] }), part("peepholes", { 7: [count, 3 * hidden] })]
        : []),
    ];
    const lists = [
      [side],
      ...further.map((each) => (modes === undefined ? [plain, each] : [each])),
      opType === "GRU" ? [plain, linearBeforeReset] : [plain],
      modes?.(count) ?? [plain],
    ];
    return combinations(...lists).map(([name, parts]) => [opType, name, parts] as const);
  });
}

const linearBeforeReset: VjpPart = ["reset behind", { attributes: { linear_before_reset: 1 } }];
const activations = ["Elu", "HardSigmoid", "LeakyRelu", "Relu", "Sigmoid", "Softplus", "Softsign", "Tanh"];

/** Clipping, each activation in each place, and activations with numbers of their own. */
const shapes =
  (opType: Kind) =>
  (directions: number): readonly VjpPart[] => [
    ["clip", { attributes: { clip: { float: 0.6 } } }],
    ...activations.map((_, first): VjpPart => {
      const count = directions * kinds[opType].activations;
      const strings = Array.from(
        { length: count },
        (__, index) => activations[(first + index) % activations.length] ?? "",
      );
      return [strings.join(" "), { attributes: { activations: { strings } } }];
    }),
    parametric(directions * kinds[opType].activations),
  ];

/** Activations that take no, one and two numbers, which stand in one list for the whole node. */
function parametric(count: number): VjpPart {
  const all = ["LeakyRelu", "Tanh", "HardSigmoid", "Elu", "Sigmoid", "HardSigmoid"];
  const strings = all.slice(0, count);
  const alphas = [0.3, 0.35, 0.8, 0.25];
  const takers = strings.filter((name) => name !== "Tanh" && name !== "Sigmoid").length;
  const shifted = strings.filter((name) => name === "HardSigmoid").length;
  const attributes = {
    activations: { strings },
    activation_alpha: { floats: alphas.slice(0, takers) },
    ...(shifted > 0 && { activation_beta: { floats: [0.4, 0.6].slice(0, shifted) } }),
  };
  return [`${strings.join(" ")} with numbers`, { attributes }];
}

/** The largest difference between the unrolled steps and the node itself, relative to the largest value. */
async function unrolledError(opType: Kind, parts: readonly VjpPart[1][]): Promise<number> {
  const stream = mersenneStream(3);
  const g = GraphBuilder.empty(17);
  const operands: Record<number, readonly number[]> = Object.assign(
    {},
    ...parts.map((part) => part.operands),
  );
  const attributes: PlainAttributes = Object.assign({}, ...parts.map((part) => part.attributes));
  const given = Math.max(...Object.keys(operands).map(Number)) + 1;
  const inputs = Array.from({ length: given }, (_, index) => {
    const dims = operands[index];
    if (dims === undefined) return "";
    const data = Float32Array.from({ length: elementCount(dims) }, () => stream.uniform() - 0.5);
    return g.constant({ type: "float32", dims, data });
  });
  const count = kinds[opType].outputs;
  const outputs = g.nodeMany(opType, inputs, attributes, count);
  const node = { name: "n", opType, domain: "", inputs, outputs, attributes: toAttributes(attributes) };
  const unrolled = unroll(opType, { g, node, inputs });
  const largest = (x: string): string => g.reduce("ReduceMax", g.reshape(g.unary("Abs", x), [-1]), [0]);
  outputs.forEach((output, index) => {
    const difference = largest(g.sub(output, unrolled[index] ?? ""));
    g.output(g.div(difference, largest(output)), `error${index}`);
  });
  const results = await evaluate(g.build(), 17, {});
  return Math.max(...Object.values(results).map(({ data }) => Math.max(...Array.from(data, Number))));
}

describe("recurrent operators", () => {
  it.each(names.flatMap((opType) => casesOf(opType)))(
    "%s %s: the gradient agrees with central differences",
    async (opType, _, parts) => {
      const outputCount = kinds[opType].outputs;
      const output = Array.from({ length: outputCount }, (__, index) => index);
      expect(await checkParts(opType, parts, { outputCount, output })).toBeLessThan(2e-3);
    },
  );
  it.each(names.flatMap((opType) => casesOf(opType, shapes(opType))))(
    "%s %s: the steps give what ONNX Runtime gives",
    async (opType, _, parts) => {
      expect(await unrolledError(opType, parts)).toBeLessThan(2e-6);
    },
  );
  it.each([0, 1, 2])("LSTM: a cotangent of output %i only", async (output) => {
    const [, part] = sidesOf("LSTM")[0] ?? [0, plain];
    expect(await checkParts("LSTM", [part[1]], { outputCount: 3, output })).toBeLessThan(2e-3);
  });
});
