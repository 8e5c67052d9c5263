import type { RandomStream } from "./random-stream.ts";

const layerCount = 256;
/** Where the tail begins, and the area of each layer, for 256 layers (Marsaglia and Tsang 2000). */
const tailStart = 3.6541528853610088;
const layerArea = 0.00492867323399;

/**
 * Fills an array with normal numbers of mean 0 and standard deviation `deviation`, reproducibly: four words from `stream`
 * seed a generator of its own. About four times as fast as `stream.normal()`, for noise of image size.
 *
 * Generator: sfc32 (Chris Doty-Humphrey's small fast counting generator, 128 bits of state). Shape: the ziggurat method
 * with 256 layers; the layer comes from 8 bits and the position from the other 24 of a word, so they are independent.
 */
export function fillNormals(target: Float32Array, stream: RandomStream, deviation = 1): void {
  const words = new WordSource([
    stream.integer(0x1_0000_0000),
    stream.integer(0x1_0000_0000),
    stream.integer(0x1_0000_0000),
  ]);
  const { widths, scales, limits, heights } = zigguratLayers();
  const { block } = words;
  for (let index = 0; index < target.length; index++) {
    if (words.position === block.length) words.refill();
    const word = block[words.position++]!;
    const layer = word & 0xff;
    const place = word >> 8;
    // 98.8 % of the draws end here: the place lies under the curve at any height of the layer.
    let value = place * scales[layer]!;
    if ((place < 0 ? -place : place) >= limits[layer]!)
      value = rareNormal(words, layer, value, widths, heights);
    target[index] = value * deviation;
  }
}

/** The draws that the fast test cannot decide: the tail, and the corners of the layers. */
function rareNormal(
  words: WordSource,
  firstLayer: number,
  firstValue: number,
  widths: Float64Array,
  heights: Float64Array,
): number {
  let layer = firstLayer;
  let value = firstValue;
  for (;;) {
    if (Math.abs(value) < widths[layer + 1]!) return value;
    if (layer === 0) {
      for (;;) {
        const beyond = -Math.log(words.uniform()) / tailStart;
        if (-2 * Math.log(words.uniform()) > beyond * beyond)
          return value < 0 ? -tailStart - beyond : tailStart + beyond;
      }
    }
    const low = heights[layer]!;
    if (low + words.uniform() * (heights[layer + 1]! - low) < Math.exp(-0.5 * value * value)) return value;
    const word = words.next();
    layer = word & 0xff;
    value = ((word >> 8) / 0x800000) * widths[layer]!;
  }
}

/** Layer `i` is as wide as `widths[i]` and certainly under the curve up to `widths[i + 1]`. */
function zigguratLayers(): {
  widths: Float64Array;
  scales: Float64Array;
  limits: Float64Array;
  heights: Float64Array;
} {
  const density = (x: number): number => Math.exp(-0.5 * x * x);
  const widths = new Float64Array(layerCount + 1);
  widths[0] = layerArea / density(tailStart);
  widths[1] = tailStart;
  for (let layer = 2; layer < layerCount; layer++) {
    const inner = widths[layer - 1]!;
    widths[layer] = Math.sqrt(-2 * Math.log(layerArea / inner + density(inner)));
  }
  return {
    widths,
    scales: widths.map((width) => width / 0x800000),
    limits: widths.map((width, layer) =>
      layer === layerCount ? 0 : Math.floor((widths[layer + 1]! / width) * 0x800000),
    ),
    heights: widths.map((width) => density(width)),
  };
}

/** sfc32, a block of words at a time. */
class WordSource {
  readonly block = new Int32Array(4096);
  position = this.block.length;
  private readonly state: Int32Array;

  constructor(seed: readonly [number, number, number]) {
    this.state = Int32Array.of(seed[0], seed[1], seed[2], 1);
    // Mixes the seed before the first use.
    this.generate(16);
  }

  refill(): void {
    this.generate(this.block.length);
    this.position = 0;
  }

  next(): number {
    if (this.position === this.block.length) this.refill();
    return this.block[this.position++]!;
  }

  /** Uniform in (0, 1), never 0, so that its logarithm is finite. */
  uniform(): number {
    return ((this.next() >>> 0) + 0.5) / 0x1_0000_0000;
  }

  private generate(count: number): void {
    let a = this.state[0]!;
    let b = this.state[1]!;
    let c = this.state[2]!;
    let counter = this.state[3]!;
    for (let index = 0; index < count; index++) {
      const sum = (((a + b) | 0) + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + sum) | 0;
      this.block[index] = sum;
    }
    this.state.set([a, b, c, counter]);
  }
}
