import type { ElementType } from "../../tensor/tensor.ts";

const floats: ReadonlySet<ElementType> = new Set(["float32", "float64", "float16", "bfloat16", "float8"]);

const ranges: Readonly<Partial<Record<ElementType, readonly [low: number, high: number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

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
function roundTo(type: ElementType, value: number): number | undefined {
  if (type === "float32") return Math.fround(value);
  if (type === "float64") return value;
  if (type === "float16") return roundBinary(value, 10, -14, 65504);
  if (type === "bfloat16") return roundBinary(Math.fround(value), 7, -126, 3.3895313892515355e38);
  if (type === "bool") return value === 0 ? 0 : 1;
  const [low, high] = ranges[type] ?? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  // Wrapping is not modelled: a result out of the type's (or the safe) range is "not known" instead of wrong.
  return Number.isInteger(value) && value >= low && value <= high ? value : undefined;
}

/** Applies {@link roundTo} to all; `undefined` if one element has no number. */
export function roundAll(type: ElementType, values: readonly number[]): readonly number[] | undefined {
  const result = Array.from({ length: values.length }, () => 0);
  for (let i = 0; i < values.length; i++) {
    const rounded = roundTo(type, values[i] ?? Number.NaN);
    if (rounded === undefined) return undefined;
    result[i] = rounded;
  }
  return result;
}
