import type { ElementType } from "../../tensor/tensor.ts";
import { elementTypeOf } from "../../tensor/element-type.ts";
import type { KnownValue } from "../infer-node.ts";
import { broadcastDims, expandElements } from "./broadcast.ts";
import { knownValue, sameShape, type InferContext, type InferRule, type InferTable } from "./context.ts";
import { isFloat, roundAll, roundHalfEven } from "./rounding.ts";

/** One output in the shape and type of the first input, elements not followed. */
const passive: InferRule = (c) => [sameShape(c)];

function unary(f: (x: number, c: InferContext) => number, type?: ElementType): InferRule {
  return (c) => {
    const x = c.input(0);
    const result = type ?? x.type;
    const compute = () =>
      x.value &&
      roundAll(
        result,
        x.value.map((element) => f(element, c)),
      );
    return [knownValue(c, result, x.dims, compute)];
  };
}

/** `isChoice`: the result is always one of the operands, so even values beyond the safe integers (INT64_MAX) are exact. */
function combine(
  c: InferContext,
  values: readonly KnownValue[],
  type: ElementType,
  f: (...xs: number[]) => number,
  isChoice = false,
): KnownValue {
  const dims = broadcastDims(
    c,
    values.map((value) => value.dims),
  );
  return knownValue(c, type, dims, () => {
    const operands = values.map((value) => expandElements(value, dims));
    const first = operands[0];
    if (first === undefined || operands.some((operand) => operand === undefined)) return undefined;
    const results = first.map((_, i) => f(...operands.map((operand) => operand?.[i] ?? Number.NaN)));
    return isChoice ? results : roundAll(type, results);
  });
}

function binary(
  f: (a: number, b: number, type: ElementType, c: InferContext) => number,
  type?: ElementType,
): InferRule {
  return (c) => {
    const a = c.input(0);
    return [combine(c, [a, c.input(1)], type ?? a.type, (x = 0, y = 0) => f(x, y, a.type, c))];
  };
}

function variadic(f: (...xs: number[]) => number, isChoice = false): InferRule {
  return (c) => [
    combine(
      c,
      c.inputs.map((_, index) => c.input(index)),
      c.input(0).type,
      f,
      isChoice,
    ),
  ];
}

const castRule: InferRule = (c) => {
  const to =
    elementTypeOf(c.int("to", 0)) ?? (c.int("to", 0) >= 17 && c.int("to", 0) <= 20 ? "float8" : undefined);
  if (to === undefined) return c.fail(`element type ${c.int("to", 0)} is not known here.`);
  return [castTo(c, c.input(0), to)];
};

function castTo(c: InferContext, x: KnownValue, to: ElementType): KnownValue {
  return knownValue(c, to, x.dims, () => {
    if (x.value === undefined || to === "string" || to === "float8" || x.type === "string") return undefined;
    // INT64_MAX as "to the end" survives a cast between integer types although it is not a safe integer.
    if (!isFloat(x.type) && !isFloat(to) && to !== "bool") return x.value;
    return roundAll(to, isFloat(to) || to === "bool" ? x.value : x.value.map(Math.trunc));
  });
}

const clip: InferRule = (c) => {
  const x = c.input(0);
  const low = c.optional(1);
  const high = c.optional(2);
  return [
    knownValue(c, x.type, x.dims, () => {
      if (x.value === undefined || (low && !low.value) || (high && !high.value)) return undefined;
      const min = low?.value?.[0] ?? c.float("min", -Infinity);
      const max = high?.value?.[0] ?? c.float("max", Infinity);
      return x.value.map((element) => Math.min(max, Math.max(min, element)));
    }),
  ];
};

const where: InferRule = (c) => [
  combine(
    c,
    [c.input(0), c.input(1), c.input(2)],
    c.input(1).type,
    (condition, a = 0, b = 0) => (condition === 0 ? b : a),
    true,
  ),
];

// Integers divide towards zero; a division by zero gives NaN, that is, a value that is not known.
const divide = (a: number, b: number, type: ElementType): number => {
  if (isFloat(type)) return a / b;
  return b === 0 ? Number.NaN : Math.trunc(a / b);
};

// fmod = 1: the sign of the dividend, as C; fmod = 0 (integers): the sign of the divisor, as Python.
const modulo = (a: number, b: number, _type: ElementType, c: InferContext): number => {
  const rest = a % b;
  return c.int("fmod", 0) === 1 || rest === 0 || rest < 0 === b < 0 ? rest : rest + b;
};

const shift = (a: number, b: number, _type: ElementType, c: InferContext): number =>
  c.text("direction", "LEFT") === "LEFT" ? a * 2 ** b : Math.floor(a / 2 ** b);

const truth = (holds: boolean): number => (holds ? 1 : 0);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

// Bitwise operators on 64-bit values would need bigint; shape code that uses them stays within 32 bits.
const bits = (f: (a: number, b: number) => number) => (a: number, b: number) =>
  Math.abs(a) < 2 ** 31 && Math.abs(b) < 2 ** 31 ? f(a, b) : Number.NaN;

/** Element-wise operators: one output in the broadcast shape of the inputs. */
export const elementwiseRules: InferTable = {
  Abs: unary(Math.abs),
  Neg: unary((x) => 0 - x),
  Ceil: unary(Math.ceil),
  Floor: unary(Math.floor),
  Round: unary(roundHalfEven),
  Sign: unary(Math.sign),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Tan: unary(Math.tan),
  Asin: unary(Math.asin),
  Acos: unary(Math.acos),
  Atan: unary(Math.atan),
  Sinh: unary(Math.sinh),
  Cosh: unary(Math.cosh),
  Tanh: unary(Math.tanh),
  Asinh: unary(Math.asinh),
  Acosh: unary(Math.acosh),
  Atanh: unary(Math.atanh),
  Sigmoid: unary(sigmoid),
  Relu: unary((x) => Math.max(x, 0)),
  LeakyRelu: unary((x, c) => (x < 0 ? x * c.float("alpha", 0.01) : x)),
  HardSigmoid: unary((x, c) => Math.max(0, Math.min(1, x * c.float("alpha", 0.2) + c.float("beta", 0.5)))),
  Softplus: unary((x) => Math.log1p(Math.exp(x))),
  Softsign: unary((x) => x / (1 + Math.abs(x))),
  Identity: (c) => [{ ...c.input(0) }],
  Erf: passive,
  Elu: passive,
  Selu: passive,
  Celu: passive,
  ThresholdedRelu: passive,
  HardSwish: passive,
  Mish: passive,
  Swish: passive,
  Gelu: passive,
  Shrink: passive,
  Clip: clip,
  Not: unary((x) => truth(x === 0), "bool"),
  IsNaN: unary((x) => truth(Number.isNaN(x)), "bool"),
  IsInf: unary(
    (x, c) =>
      truth(
        (x === Infinity && c.int("detect_positive", 1) === 1) ||
          (x === -Infinity && c.int("detect_negative", 1) === 1),
      ),
    "bool",
  ),
  BitwiseNot: unary((x) => -x - 1),
  Cast: castRule,
  CastLike: (c) => [castTo(c, c.input(0), c.input(1).type)],
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary(divide),
  Mod: binary(modulo),
  Pow: binary((a, b) => a ** b),
  PRelu: binary((x, slope) => (x < 0 ? x * slope : x)),
  BitShift: binary(shift),
  BitwiseAnd: binary(bits((a, b) => a & b)),
  BitwiseOr: binary(bits((a, b) => a | b)),
  BitwiseXor: binary(bits((a, b) => a ^ b)),
  Equal: binary((a, b) => truth(a === b), "bool"),
  Greater: binary((a, b) => truth(a > b), "bool"),
  GreaterOrEqual: binary((a, b) => truth(a >= b), "bool"),
  Less: binary((a, b) => truth(a < b), "bool"),
  LessOrEqual: binary((a, b) => truth(a <= b), "bool"),
  And: binary((a, b) => truth(a !== 0 && b !== 0), "bool"),
  Or: binary((a, b) => truth(a !== 0 || b !== 0), "bool"),
  Xor: binary((a, b) => truth((a !== 0) !== (b !== 0)), "bool"),
  Max: variadic(Math.max, true),
  Min: variadic(Math.min, true),
  Sum: variadic((...xs) => xs.reduce((sum, x) => sum + x, 0)),
  Mean: variadic((...xs) => xs.reduce((sum, x) => sum + x, 0) / xs.length),
  Where: where,
};
