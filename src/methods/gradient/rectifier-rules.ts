import type { OverrideContext, RuleOverrides } from "../../autodiff/rules.ts";
import { floatAttribute } from "../../graph/graph.ts";

/**
 * True for a `Clip` that is a rectifier: lower bound 0, upper bound above it or absent (ReLU6 and the like). The bounds
 * are inputs from opset 11 on and attributes before.
 */
function isRectifyingClip({ g, node, inputs }: OverrideContext): boolean {
  const min = boundOf(g.constantValue(inputs[1] ?? ""), "min");
  const max = boundOf(g.constantValue(inputs[2] ?? ""), "max");
  return min === 0 && (max === undefined || max > 0);

  function boundOf(constant: readonly number[] | undefined, name: string): number | undefined {
    if (constant !== undefined) return constant[0];
    return node.attributes[name] === undefined ? undefined : floatAttribute(node, name, 0);
  }
}

/** Applies a backward rule to every rectifier of the graph, `Relu` and rectifying `Clip`; all else keeps its own rule. */
function onRectifiers(rule: (context: OverrideContext) => string): RuleOverrides {
  return {
    Relu: rule,
    Clip: (context) => (isRectifyingClip(context) ? rule(context) : context.defaultVjp(context.dy)),
  };
}

/** Guided backpropagation: max(dy, 0) where the rectifier was open. */
export const guidedRules: RuleOverrides = onRectifiers((context) =>
  context.defaultVjp(context.g.unary("Relu", context.dy)),
);

/** Deconvnet: max(dy, 0), whether the rectifier was open or not. */
export const deconvnetRules: RuleOverrides = onRectifiers(({ g, dy }) => g.unary("Relu", dy));

const smoothOps = [
  "Sigmoid",
  "HardSigmoid",
  "HardSwish",
  "Swish",
  "Tanh",
  "Gelu",
  "Erf",
  "Elu",
  "Selu",
  "Celu",
  "LeakyRelu",
  "PRelu",
  "Mish",
  "Softplus",
  "Softsign",
];

/** Warnings for networks on which these rules do little: no rectifier, or other non-linearities besides. */
export function rectifierWarnings(operators: ReadonlyMap<string, number> | undefined): readonly string[] {
  if (operators === undefined) return [];
  const others = smoothOps.filter((opType) => operators.has(opType));
  if (!operators.has("Relu") && !operators.has("Clip")) {
    return ["The network has no ReLU, so the result equals the plain gradient."];
  }
  return others.length === 0
    ? []
    : [`Only rectifiers are treated; these keep their own gradient: ${others.join(", ")}.`];
}
