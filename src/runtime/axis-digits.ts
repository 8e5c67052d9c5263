import { batchFactor, type Dim, type Shape } from "../graph/graph.ts";

/** What an axis of a value means for the image. */
export type AxisMeaning = "batch" | "channel" | "depth" | "height" | "width" | "time" | "other";

const spatial: ReadonlySet<AxisMeaning> = new Set(["depth", "height", "width", "time"]);

/**
 * A part of an axis: positions along an axis are numbers in a mixed radix, and reshaping only regroups digits. A window
 * partition splits the height 56 into 8 windows (stride 7) of 7 rows (stride 1), moves both elsewhere and later puts
 * them together again.
 */
export interface Digit {
  readonly of: AxisMeaning;
  readonly size: number;
  /** How far apart two neighbours are along what the digit is of. */
  readonly stride: number;
  /** The extent of what the digit is of: the height that was split, say. */
  readonly extent: number;
}

/** An axis of a value: digits, the slowest first, between tokens that stand for no place. */
export interface Axis {
  readonly digits: readonly Digit[];
  /** Class, register and distillation tokens before the grid. */
  readonly prefix: number;
  /** The same behind the grid. */
  readonly suffix: number;
}

export type Axes = readonly Axis[];

/** The size of a dimension as a number: a large prime stands for the batch, so that products tell it apart. */
export function factor(dim: Dim): number {
  return typeof dim === "number" ? dim : (batchFactor(dim) ?? 1) * 1_000_003;
}

/**
 * A whole axis of one meaning. An axis of space keeps its meaning also where it has a single place: a strip of pixels, the last
 * layer of a thin volume.
 */
export function wholeAxis(of: AxisMeaning, dim: Dim): Axis {
  const size = factor(dim);
  return {
    digits: size === 1 && !spatial.has(of) ? [] : [{ of, size, stride: 1, extent: size }],
    prefix: 0,
    suffix: 0,
  };
}

/** Elements along an axis. */
export function axisSize({ digits, prefix, suffix }: Axis): number {
  return digits.reduce((product, { size }) => product * size, 1) + prefix + suffix;
}

/** Puts neighbouring digits together that were split from one. */
export function joined(digits: readonly Digit[]): readonly Digit[] {
  const result: Digit[] = [];
  for (const digit of digits) {
    const last = result.at(-1);
    const isLoose = digit.of === "channel" || digit.of === "other";
    const isNext = last !== undefined && last.of === digit.of;
    if (isNext && isLoose) {
      const size = last.size * digit.size;
      result[result.length - 1] = { of: digit.of, size, stride: 1, extent: size };
    } else if (isNext && last.extent === digit.extent && last.stride === digit.stride * digit.size) {
      result[result.length - 1] = { ...digit, size: last.size * digit.size };
    } else {
      result.push(digit);
    }
  }
  return result;
}

/** True if the digit is all there is of its meaning. */
export function isComplete(digit: Digit | undefined): digit is Digit {
  return digit !== undefined && digit.size === digit.extent && digit.stride === 1;
}

/** The axis at another size: a crop, padding, a stride or a window of pooling. */
export function resizedAxis(axis: Axis, dim: Dim): Axis {
  if (axisSize(axis) === factor(dim)) return axis;
  const [only, ...more] = joined(axis.digits);
  const isPlain = axis.prefix === 0 && axis.suffix === 0 && more.length === 0;
  return wholeAxis(isPlain && isComplete(only) ? only.of : "other", dim);
}

/**
 * The axes after a sum over the channels. Where the channels held the low digits of rows or columns (patches of 2 x 2 merged into
 * vectors, space to depth), what is left of them counts patches: a complete axis of a coarser grid.
 */
export function coarsened(axes: Axes): Axes {
  const unit = (of: AxisMeaning): number => {
    const digits = axes.flatMap((axis) => axis.digits).filter((digit) => digit.of === of);
    const least = Math.min(...digits.map(({ stride }) => stride));
    return digits.every(({ stride, extent }) => stride % least === 0 && extent % least === 0) ? least : 1;
  };
  const units = { height: unit("height"), width: unit("width") };
  return axes.map((axis) => ({
    ...axis,
    digits: axis.digits.map((digit) => {
      if (digit.of !== "height" && digit.of !== "width") return digit;
      const step = units[digit.of];
      return { ...digit, stride: digit.stride / step, extent: digit.extent / step };
    }),
  }));
}

/** Regroups the digits of all axes, or `undefined` where a cut does not fall between digits or divide one. */
export function reshapedAxes(axes: Axes, to: Shape): Axes | undefined {
  const queue: (Digit & { readonly whole?: Axis })[] = [];
  let run: Digit[] = [];
  // Digits of neighbouring axes come together: [8, 7] may become [7, 8] without being [56] in between.
  const flush = (): void => {
    queue.push(...joined(run));
    run = [];
  };
  for (const axis of axes) {
    if (axis.prefix === 0 && axis.suffix === 0) {
      run.push(...axis.digits);
      continue;
    }
    flush();
    // Tokens besides a grid make an axis that only moves as a whole.
    queue.push({ of: "other", size: axisSize(axis), stride: 1, extent: axisSize(axis), whole: axis });
  }
  flush();
  const result: Axis[] = [];
  for (const dim of to) {
    let needed = factor(dim);
    const taken: (Digit & { readonly whole?: Axis })[] = [];
    if (needed === 1 && queue[0]?.size === 1) taken.push(...queue.splice(0, 1));
    while (needed > 1) {
      const head = queue.shift();
      if (head === undefined) return undefined;
      if (needed % head.size === 0) {
        taken.push(head);
        needed /= head.size;
      } else if (head.size % needed === 0 && head.whole === undefined && head.of !== "batch") {
        const low = head.size / needed;
        taken.push({ ...head, size: needed, stride: head.stride * low });
        queue.unshift({ ...head, size: low });
        needed = 1;
      } else {
        return undefined;
      }
    }
    const [only] = taken;
    if (taken.length === 1 && only?.whole !== undefined) result.push(only.whole);
    else if (taken.some(({ whole }) => whole !== undefined)) result.push(wholeAxis("other", dim));
    else result.push({ digits: joined(taken), prefix: 0, suffix: 0 });
  }
  return queue.every(({ size }) => size === 1) ? result : undefined;
}
