import { mersenne } from "pure-rand/generator/mersenne";

/** A stream of random numbers: the 32-bit Mersenne Twister, combined into doubles and normals as NumPy's legacy `RandomState` does. */
export interface RandomStream {
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Standard normal (polar method). */
  normal(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
}

/** A stream from a 32-bit seed. `mersenneStream(42).uniform()` is 0.3745401188473625, as NumPy gives. */
export function mersenneStream(seed: number): RandomStream {
  const generator = mersenne(seed | 0);
  let spare: number | undefined;
  const uniform = (): number => {
    const high = generator.next() >>> 5;
    const low = generator.next() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  };
  return {
    uniform,
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      for (;;) {
        const x = 2 * uniform() - 1;
        const y = 2 * uniform() - 1;
        const r = x * x + y * y;
        if (r >= 1 || r === 0) continue;
        const f = Math.sqrt((-2 * Math.log(r)) / r);
        spare = f * x;
        return f * y;
      }
    },
    integer: (bound) => Math.floor(uniform() * bound),
  };
}

/**
 * An independent stream for a run's seed and a list of keys (image, method, iteration, sample, ...), so that results
 * depend neither on batch size nor on order nor on the number of workers.
 */
export function randomStream(seed: number, ...keys: readonly (string | number)[]): RandomStream {
  let hash = 0x811c9dc5;
  const mix = (byte: number): void => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  // A separator that no UTF-8 text contains keeps ("ab", "c") and ("a", "bc") apart.
  for (const byte of new TextEncoder().encode([String(seed), ...keys.map(String)].join("\u0000"))) mix(byte);
  // FNV-1a leaves the high bits of short inputs poorly mixed; finish as MurmurHash3 does.
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return mersenneStream(hash);
}
