import { elementCount } from "../../tensor/tensor.ts";
import { broadcastDims, expandElements } from "./broadcast.ts";
import {
  axisOf,
  knownValue,
  sameShape,
  type InferContext,
  type InferRule,
  type InferTable,
} from "./context.ts";
import { forEachIndex, offsetOf, stridesOf } from "./strides.ts";

const expand: InferRule = (c) => {
  const x = c.input(0);
  const dims = broadcastDims(c, [x.dims, c.elements(1, "the shape")]);
  return [knownValue(c, x.type, dims, () => expandElements(x, dims))];
};

const tile: InferRule = (c) => {
  const x = c.input(0);
  const repeats = c.elements(1, "the repeats");
  const dims = x.dims.map((dim, axis) => dim * (repeats[axis] ?? 1));
  const strides = stridesOf(x.dims);
  return [
    knownValue(c, x.type, dims, () => {
      const source = x.value;
      if (source === undefined) return undefined;
      const result: number[] = [];
      forEachIndex(dims, (index) => {
        const wrapped = index.map((i, axis) => i % (x.dims[axis] ?? 1));
        result.push(source[offsetOf(wrapped, strides)] ?? 0);
      });
      return result;
    }),
  ];
};

/** Begin and end padding of every axis from the attribute (opset 10 and older) or the inputs. */
function padsOf(c: InferContext): { begins: readonly number[]; ends: readonly number[] } {
  const rank = c.input(0).dims.length;
  const pads = c.ints("pads") ?? c.ints("paddings") ?? c.elements(1, "the pads");
  const axes =
    c.optional(3) === undefined ? undefined : c.elements(3, "the axes").map((axis) => axisOf(c, axis, rank));
  const begins = Array.from({ length: rank }, () => 0);
  const ends = Array.from({ length: rank }, () => 0);
  const count = pads.length / 2;
  for (let i = 0; i < count; i++) {
    const axis = axes === undefined ? i : (axes[i] ?? 0);
    begins[axis] = pads[i] ?? 0;
    ends[axis] = pads[count + i] ?? 0;
  }
  if (begins.length !== rank) c.fail(`pads [${pads.join(", ")}] for a value of ${rank} dimensions.`);
  return { begins, ends };
}

const pad: InferRule = (c) => {
  const x = c.input(0);
  const { begins, ends } = padsOf(c);
  const dims = x.dims.map((dim, axis) => dim + (begins[axis] ?? 0) + (ends[axis] ?? 0));
  const strides = stridesOf(x.dims);
  return [
    knownValue(c, x.type, dims, () => {
      const source = x.value;
      const fill = c.optional(2) === undefined ? c.float("value", 0) : c.optional(2)?.value?.[0];
      if (source === undefined || fill === undefined || c.text("mode", "constant") !== "constant")
        return undefined;
      const result: number[] = [];
      forEachIndex(dims, (index) => {
        const own = index.map((i, axis) => i - (begins[axis] ?? 0));
        const isInside = own.every((i, axis) => i >= 0 && i < (x.dims[axis] ?? 0));
        result.push(isInside ? (source[offsetOf(own, strides)] ?? 0) : fill);
      });
      return result;
    }),
  ];
};

const depthToSpace: InferRule = (c) => {
  const x = c.input(0);
  const block = c.int("blocksize", 1);
  const [n = 0, channels = 0, ...spatial] = x.dims;
  return [
    knownValue(c, x.type, [n, channels / block ** spatial.length, ...spatial.map((dim) => dim * block)]),
  ];
};

const spaceToDepth: InferRule = (c) => {
  const x = c.input(0);
  const block = c.int("blocksize", 1);
  const [n = 0, channels = 0, ...spatial] = x.dims;
  return [
    knownValue(c, x.type, [n, channels * block ** spatial.length, ...spatial.map((dim) => dim / block)]),
  ];
};

const trilu: InferRule = (c) => {
  const x = c.input(0);
  const k = c.optional(1) === undefined ? 0 : c.optional(1)?.value?.[0];
  const isUpper = c.int("upper", 1) === 1;
  const [rows = 1, columns = 1] = x.dims.slice(-2);
  return [
    knownValue(c, x.type, x.dims, () =>
      k === undefined
        ? undefined
        : x.value?.map((element, i) => {
            const offset = (i % columns) - (Math.floor(i / columns) % rows);
            return (isUpper ? offset >= k : offset <= k) ? element : 0;
          }),
    ),
  ];
};

const cumSum: InferRule = (c) => {
  const x = c.input(0);
  const axisValue = c.optional(1)?.value?.[0];
  return [
    knownValue(c, x.type, x.dims, () => {
      if (x.value === undefined || axisValue === undefined) return undefined;
      const axis = axisOf(c, axisValue, x.dims.length);
      const length = x.dims[axis] ?? 1;
      const inner = elementCount(x.dims.slice(axis + 1));
      const isReverse = c.int("reverse", 0) === 1;
      const isExclusive = c.int("exclusive", 0) === 1;
      const result = [...x.value];
      for (let line = 0; line < result.length / Math.max(length, 1); line++) {
        const base = Math.floor(line / inner) * inner * length + (line % inner);
        let sum = 0;
        for (let step = 0; step < length; step++) {
          const at = base + (isReverse ? length - 1 - step : step) * inner;
          const element = x.value[at] ?? 0;
          result[at] = isExclusive ? sum : sum + element;
          sum += element;
        }
      }
      return result;
    }),
  ];
};

/** Operators that repeat, surround, mask or accumulate elements, and those that trade channels for pixels. */
export const repetitionRules: InferTable = {
  Expand: expand,
  Tile: tile,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Trilu: trilu,
  CumSum: cumSum,
  CumProd: (c) => [sameShape(c)],
};
