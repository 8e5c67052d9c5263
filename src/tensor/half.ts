const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

function floatBits(value: number): number {
  scratch[0] = value;
  return scratchBits[0] ?? 0;
}

/** The bits of the nearest half (ties to even; overflow gives infinity). */
export function toHalf(value: number): number {
  const bits = floatBits(value);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const mantissa = bits & 0x7fffff;
  if (exponent >= 31) return sign | 0x7c00 | (exponent === 143 && mantissa !== 0 ? 0x200 : 0);
  if (exponent <= 0) {
    if (exponent < -10) return sign;
    const full = mantissa | 0x800000;
    const shift = 14 - exponent;
    const half = full >>> shift;
    const rest = full & ((1 << shift) - 1);
    const middle = 1 << (shift - 1);
    return sign | (half + (rest > middle || (rest === middle && (half & 1) === 1) ? 1 : 0));
  }
  const half = (exponent << 10) | (mantissa >>> 13);
  const rest = mantissa & 0x1fff;
  return sign | (half + (rest > 0x1000 || (rest === 0x1000 && (half & 1) === 1) ? 1 : 0));
}

/** The number that a half precision bit pattern stands for. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** The bits of the nearest bfloat16 (ties away from zero, as truncation after adding half a unit gives). */
export function toBfloat16(value: number): number {
  return (floatBits(value) + 0x8000) >>> 16;
}

/** The number that a bfloat16 bit pattern stands for. */
export function fromBfloat16(bits: number): number {
  scratchBits[0] = bits << 16;
  return scratch[0] ?? 0;
}
