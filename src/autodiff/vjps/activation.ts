import { floatAttribute, stringAttribute } from "../../graph/graph.ts";
import { elementwise, unary, type VjpContext, type VjpTable } from "../rules.ts";

/** A bound of Clip: absent means none. */
function clipBound(
  context: VjpContext,
  index: number,
): { readonly name: string; readonly known: number | undefined } | undefined {
  const name = context.inputs[index] ?? "";
  if (name === "") return undefined;
  const known = context.g.constantValue(name)?.[0];
  // The old attribute form writes "no bound" as the largest float.
  if (known !== undefined && Math.abs(known) >= 3.4e38) return undefined;
  return { name, known };
}

/** dy where lo < y < hi, else 0: the open interval, as ReLU6 in PyTorch. */
function clip(context: VjpContext): string {
  const { g, y } = context;
  const bounds = [clipBound(context, 1), clipBound(context, 2)] as const;
  return bounds.reduce<string>((dy, bound, index) => {
    if (bound === undefined) return dy;
    const side = index === 0 ? "above" : "below";
    if (bound.known !== undefined) return g.mul(dy, g.step(y, bound.known, side));
    return g.where(side === "above" ? g.greater(y, bound.name) : g.less(y, bound.name), dy, 0);
  }, context.dy);
}

/** The derivative of the exact GELU: Phi(x) + x phi(x). */
export function geluDerivative({ g, x }: Pick<VjpContext, "g" | "x">): string {
  const phi = g.mul(g.unary("Exp", g.mul(g.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  const cumulative = g.mul(g.add(g.unary("Erf", g.mul(x, Math.SQRT1_2)), 1), 0.5);
  return g.add(cumulative, g.mul(x, phi));
}

/** The derivative of the tanh form of GELU. */
export function geluTanhDerivative({ g, x }: Pick<VjpContext, "g" | "x">): string {
  const c = Math.sqrt(2 / Math.PI);
  const squared = g.mul(x, x);
  const t = g.unary("Tanh", g.mul(g.mul(x, g.add(g.mul(squared, 0.044715), 1)), c));
  const slope = g.mul(g.add(g.mul(squared, 3 * 0.044715), 1), c);
  const half = g.mul(g.add(t, 1), 0.5);
  return g.add(half, g.mul(g.mul(g.mul(x, 0.5), g.sub(1, g.mul(t, t))), slope));
}

/** dy where x > threshold, else `slope` dy. */
function leaky(context: VjpContext, slope: number): string {
  const { g, x, dy } = context;
  // Clip of the step keeps the blocked layout, Where does not.
  if (slope >= 0 && slope <= 1)
    return g.mul(dy, g.node("Clip", [g.step(x), g.scalar(slope, x), g.scalar(1, x)]));
  return g.where(g.greater(x, 0), dy, g.mul(dy, slope));
}

export const activationVjps: VjpTable = {
  // y = max(x, 0). The subgradient at 0 is 0, as in PyTorch.
  Relu: unary(({ g, y, dy }) => g.mul(dy, g.step(y))),
  LeakyRelu: unary((context) => leaky(context, floatAttribute(context.node, "alpha", 0.01))),
  PRelu: elementwise(
    ({ g, x, dy, inputs }) => g.where(g.greater(x, 0), dy, g.mul(dy, inputs[1] ?? "")),
    ({ g, x, dy }) => g.where(g.greater(x, 0), 0, g.mul(dy, x)),
  ),
  ThresholdedRelu: unary(({ g, x, dy, node }) => g.mul(dy, g.step(x, floatAttribute(node, "alpha", 1)))),
  // 1 outside -lambd..lambd (bias only shifts)
  Shrink: unary(({ g, x, dy, node }) => {
    const threshold = floatAttribute(node, "lambd", 0.5);
    return g.mul(dy, g.add(g.step(x, threshold), g.step(x, -threshold, "below")));
  }),
  Clip: (context) => [() => clip(context)],
  // x <= 0: y + alpha
  Elu: unary(({ g, x, y, dy, node }) => {
    const alpha = floatAttribute(node, "alpha", 1);
    return g.where(g.greater(x, 0), dy, g.mul(dy, g.add(y, alpha)));
  }),
  // x <= 0: gamma alpha e^x = y + gamma alpha
  Selu: unary(({ g, x, y, dy, node }) => {
    const alpha = floatAttribute(node, "alpha", 1.67326319217681884765625);
    const gamma = floatAttribute(node, "gamma", 1.05070102214813232421875);
    return g.where(g.greater(x, 0), g.mul(dy, gamma), g.mul(dy, g.add(y, gamma * alpha)));
  }),
  // x <= 0: e^(x / alpha) = y / alpha + 1
  Celu: unary(({ g, x, y, dy, node }) => {
    const alpha = floatAttribute(node, "alpha", 1);
    return g.where(g.greater(x, 0), dy, g.mul(dy, g.add(g.mul(y, 1 / alpha), 1)));
  }),
  // y (1 - y)
  Sigmoid: unary(({ g, y, dy }) => g.mul(dy, g.mul(y, g.oneMinus(y)))),
  // 1 - y^2
  Tanh: unary(({ g, y, dy }) => g.mul(dy, g.oneMinus(g.mul(y, y)))),
  // alpha where 0 < y < 1
  HardSigmoid: unary(({ g, y, dy, node }) => {
    const mask = g.mul(g.step(y), g.step(y, 1, "below"));
    return g.mul(g.mul(dy, mask), floatAttribute(node, "alpha", 0.2));
  }),
  // hs(x) + x/6 where -3 < x < 3, with hs(x) = clip(x/6 + 1/2, 0, 1)
  HardSwish: unary(({ g, x, dy }) => {
    const hardSigmoid = g.node("HardSigmoid", [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });
    const middle = g.mul(g.step(x, -3), g.step(x, 3, "below"));
    return g.mul(dy, g.add(hardSigmoid, g.mul(g.mul(x, 1 / 6), middle)));
  }),
  Softplus: unary(({ g, x, dy }) => g.mul(dy, g.unary("Sigmoid", x))),
  // 1 / (1 + |x|)^2
  Softsign: unary(({ g, x, dy }) => {
    const denominator = g.add(g.unary("Abs", x), 1);
    return g.div(dy, g.mul(denominator, denominator));
  }),
  // t = tanh(softplus x): t + x (1 - t^2) sigmoid(x)
  Mish: unary(({ g, x, dy }) => {
    const t = g.unary("Tanh", g.unary("Softplus", x));
    return g.mul(dy, g.add(t, g.mul(g.mul(x, g.sub(1, g.mul(t, t))), g.unary("Sigmoid", x))));
  }),
  // s = sigmoid(alpha x): s + alpha y (1 - s)
  Swish: unary(({ g, x, y, dy, node }) => {
    const alpha = floatAttribute(node, "alpha", 1);
    const s = g.unary("Sigmoid", g.mul(x, alpha));
    return g.mul(dy, g.add(s, g.mul(g.mul(y, g.oneMinus(s)), alpha)));
  }),
  // 2/sqrt(pi) e^(-x^2)
  Erf: unary(({ g, x, dy }) =>
    g.mul(dy, g.mul(g.unary("Exp", g.unary("Neg", g.mul(x, x))), 2 / Math.sqrt(Math.PI))),
  ),
  Gelu: unary((context) => {
    const isTanh = stringAttribute(context.node, "approximate", "none") === "tanh";
    return context.g.mul(context.dy, isTanh ? geluTanhDerivative(context) : geluDerivative(context));
  }),
};
