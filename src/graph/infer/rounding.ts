import type { ElementType } from "../../tensor/tensor.ts";

const floats: ReadonlySet<ElementType> = new Set(["float32", "float64", "float16", "bfloat16", "float8"]);

/** True for the floating-point types. */
export function isFloat(type: ElementType): boolean {
  return floats.has(type);
}

/** Rounds half to even, as ONNX Round does. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Nearest number with `bits` bits of fraction and the given smallest normal exponent; ties to even. */
function roundBinary(value: number, bits: number, minExponent: number, largest: number): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value))), minExponent);
  const quantum = 2 ** (exponent - bits);
  const rounded = roundHalfEven(value / quantum) * quantum;
  return Math.abs(rounded) > largest ? Math.sign(value) * Infinity : rounded;
}

/** The number that an element type stores for a result computed in double; `undefined` if that is not a number here. */
export function roundTo(type: ElementType, value: number): number | undefined {
  if (type === "float32") return Math.fround(value);
  if (type === "float64") return value;
  if (type === "float16") return roundBinary(value, 10, -14, 65504);
  if (type === "bfloat16") return roundBinary(Math.fround(value), 7, -126, 3.3895313892515355e38);
  if (type === "bool") return value === 0 ? 0 : 1;
  // Wrapping is not modelled: a result out of the safe range is "not known" instead of wrong.
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Applies {@link roundTo} to all; `undefined` if one element has no number. */
export function roundAll(type: ElementType, values: readonly number[]): readonly number[] | undefined {
  const result = new Array<number>(values.length);
  for (let i = 0; i < values.length; i++) {
    const rounded = roundTo(type, values[i] ?? Number.NaN);
    if (rounded === undefined) return undefined;
    result[i] = rounded;
  }
  return result;
}
