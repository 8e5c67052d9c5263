import { elementwise, unary, type Vjp, type VjpContext, type VjpTable } from "../rules.ts";

const input = (context: VjpContext, index: number): string => context.inputs[index] ?? "";

/** The same rule for each of any number of inputs. */
function variadic(rule: (context: VjpContext, index: number) => string): Vjp {
  return (context) => context.inputs.map((_, index) => () => context.sumTo(rule(context, index), index));
}

/**
 * Max or Min: the gradient goes to the first input that holds the extremum, so that it is counted once.
 * (PyTorch halves it between two tied operands; ties of float operands do not occur in networks.)
 */
const extremum: Vjp = variadic((context, index) => {
  const { g, y, dy } = context;
  const mine = g.equal(input(context, index), y);
  const earlier = context.inputs.slice(0, index).map((other) => g.equal(other, y));
  const first = earlier.reduce((mask, other) => g.node("And", [mask, g.unary("Not", other)]), mine);
  return g.where(first, dy, 0);
});

/** Integers that stand for real numbers (quantised arithmetic) carry a cotangent in floating point. */
const castBack = unary(({ g, x, dy }) => {
  const type = g.type(x);
  return type.startsWith("float") || type === "bfloat16" ? g.cast(dy, type) : dy;
});

export const arithmeticVjps: VjpTable = {
  Add: elementwise(
    ({ dy }) => dy,
    ({ dy }) => dy,
  ),
  Sub: elementwise(
    ({ dy }) => dy,
    ({ g, dy }) => g.unary("Neg", dy),
  ),
  // a * a is one value twice: both parts are summed by the driver.
  Mul: elementwise(
    (context) => context.g.mul(context.dy, input(context, 1)),
    (context) => context.g.mul(context.dy, input(context, 0)),
  ),
  // d(a/b) = dy / b, -dy y / b
  Div: elementwise(
    (context) => context.g.div(context.dy, input(context, 1)),
    (context) => {
      const { g, dy, y } = context;
      return g.unary("Neg", g.div(g.mul(dy, y), input(context, 1)));
    },
  ),
  // c x^(c-1) dy; exponent: dy y log x, 0 where x = 0 (as PyTorch)
  Pow: elementwise(
    (context) => {
      const { g, x, dy } = context;
      const exponent = input(context, 1);
      const known = g.constantValue(exponent);
      const c =
        known !== undefined && known.length > 0 && known.every((value) => value === known[0])
          ? known[0]
          : undefined;
      if (c === 0) return g.mul(dy, g.filledLike(x));
      if (c === 1) return dy;
      if (c === 2) return g.mul(dy, g.mul(x, 2));
      if (c !== undefined) return g.mul(dy, g.mul(g.pow(x, c - 1), c));
      const floatExponent = g.cast(exponent, g.type(x));
      return g.mul(dy, g.mul(floatExponent, g.pow(x, g.sub(floatExponent, 1))));
    },
    ({ g, x, y, dy }) => {
      const positive = g.greater(x, 0);
      return g.where(positive, g.mul(dy, g.mul(y, g.unary("Log", g.where(positive, x, 1)))), 0);
    },
  ),
  Sum: variadic(({ dy }) => dy),
  Mean: variadic(({ g, dy, inputs }) => g.mul(dy, 1 / inputs.length)),
  Max: extremum,
  Min: extremum,
  Where: elementwise(
    // The condition has no gradient; the driver never asks for it.
    ({ dy }) => dy,
    ({ g, x, dy }) => g.where(x, dy, 0),
    ({ g, x, dy }) => g.where(x, 0, dy),
  ),
  Neg: unary(({ g, dy }) => g.unary("Neg", dy)),
  Abs: unary(({ g, x, dy }) => g.where(g.greater(x, 0), dy, g.where(g.less(x, 0), g.unary("Neg", dy), 0))),
  // dy / (2 y): infinite at 0, as PyTorch
  Sqrt: unary(({ g, y, dy }) => g.div(g.mul(dy, 0.5), y)),
  Reciprocal: unary(({ g, y, dy }) => g.unary("Neg", g.mul(dy, g.mul(y, y)))),
  Exp: unary(({ g, y, dy }) => g.mul(dy, y)),
  Log: unary(({ g, x, dy }) => g.div(dy, x)),
  Sin: unary(({ g, x, dy }) => g.mul(dy, g.unary("Cos", x))),
  Cos: unary(({ g, x, dy }) => g.unary("Neg", g.mul(dy, g.unary("Sin", x)))),
  Tan: unary(({ g, y, dy }) => g.mul(dy, g.add(g.mul(y, y), 1))),
  Atan: unary(({ g, x, dy }) => g.div(dy, g.add(g.mul(x, x), 1))),
  // 1 / sqrt(1 - x^2)
  Asin: unary(({ g, x, dy }) => g.div(dy, g.unary("Sqrt", g.sub(1, g.mul(x, x))))),
  Acos: unary(({ g, x, dy }) => g.unary("Neg", g.div(dy, g.unary("Sqrt", g.sub(1, g.mul(x, x)))))),
  Asinh: unary(({ g, x, dy }) => g.div(dy, g.unary("Sqrt", g.add(g.mul(x, x), 1)))),
  Acosh: unary(({ g, x, dy }) => g.div(dy, g.unary("Sqrt", g.sub(g.mul(x, x), 1)))),
  Atanh: unary(({ g, x, dy }) => g.div(dy, g.sub(1, g.mul(x, x)))),
  Sinh: unary(({ g, x, dy }) => g.mul(dy, g.unary("Cosh", x))),
  Cosh: unary(({ g, x, dy }) => g.mul(dy, g.unary("Sinh", x))),
  Identity: unary(({ dy }) => dy),
  // Inference mode: the identity. The second output (mask) has no gradient.
  Dropout: unary(({ dy }) => dy),
  // Between float types; casts to integers end the path before this rule is asked.
  Cast: castBack,
  CastLike: castBack,
};
