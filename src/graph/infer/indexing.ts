import { elementCount } from "../../tensor/tensor.ts";
import { axisOf, knownValue, type InferRule, type InferTable } from "./context.ts";
import { forEachIndex, offsetOf, stridesOf } from "./strides.ts";

const gather: InferRule = (c) => {
  const x = c.input(0);
  const indices = c.input(1);
  const axis = axisOf(c, c.int("axis", 0), x.dims.length);
  const size = x.dims[axis] ?? c.fail("a scalar has no axis to gather from.");
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  const inner = elementCount(x.dims.slice(axis + 1));
  return [
    knownValue(c, x.type, dims, () => {
      const source = x.value;
      const wanted = indices.value;
      if (source === undefined || wanted === undefined) return undefined;
      const result: number[] = [];
      for (let row = 0; row < elementCount(x.dims.slice(0, axis)); row++) {
        for (const index of wanted) {
          const at = index < 0 ? index + size : index;
          if (at < 0 || at >= size) c.fail(`index ${index} of an axis of ${size}.`);
          for (let i = 0; i < inner; i++) result.push(source[(row * size + at) * inner + i] ?? 0);
        }
      }
      return result;
    }),
  ];
};

const gatherElements: InferRule = (c) => {
  const x = c.input(0);
  const indices = c.input(1);
  const axis = axisOf(c, c.int("axis", 0), x.dims.length);
  const size = x.dims[axis] ?? 1;
  const strides = stridesOf(x.dims);
  return [
    knownValue(c, x.type, indices.dims, () => {
      const source = x.value;
      const wanted = indices.value;
      if (source === undefined || wanted === undefined) return undefined;
      const result: number[] = [];
      forEachIndex(indices.dims, (index, position) => {
        const at = wanted[position] ?? 0;
        result.push(source[offsetOf(index.with(axis, at < 0 ? at + size : at), strides)] ?? 0);
      });
      return result;
    }),
  ];
};

const gatherNd: InferRule = (c) => {
  const x = c.input(0);
  const indices = c.input(1);
  const batchDims = c.int("batch_dims", 0);
  const depth = indices.dims.at(-1) ?? c.fail("indices without a shape.");
  if (depth + batchDims > x.dims.length)
    c.fail(`indices of depth ${depth} into ${x.dims.length} dimensions.`);
  const tail = x.dims.slice(batchDims + depth);
  const dims = [...indices.dims.slice(0, -1), ...tail];
  const strides = stridesOf(x.dims);
  const inner = elementCount(tail);
  return [
    knownValue(c, x.type, dims, () => {
      const source = x.value;
      const wanted = indices.value;
      if (source === undefined || wanted === undefined || batchDims !== 0) return undefined;
      const result: number[] = [];
      for (let row = 0; row < elementCount(indices.dims.slice(0, -1)); row++) {
        let base = 0;
        for (let axis = 0; axis < depth; axis++) {
          const at = wanted[row * depth + axis] ?? 0;
          base += (at < 0 ? at + (x.dims[axis] ?? 0) : at) * (strides[axis] ?? 0);
        }
        for (let i = 0; i < inner; i++) result.push(source[base + i] ?? 0);
      }
      return result;
    }),
  ];
};

const reductions: Readonly<Record<string, (old: number, update: number) => number>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  max: Math.max,
  min: Math.min,
};

const scatterNd: InferRule = (c) => {
  const x = c.input(0);
  const indices = c.input(1);
  const updates = c.input(2);
  const depth = indices.dims.at(-1) ?? c.fail("indices without a shape.");
  if (depth > x.dims.length) c.fail(`indices of depth ${depth} into ${x.dims.length} dimensions.`);
  const strides = stridesOf(x.dims);
  const inner = elementCount(x.dims.slice(depth));
  return [
    knownValue(c, x.type, x.dims, () => {
      const combine = reductions[c.text("reduction", "none")];
      if (
        x.value === undefined ||
        indices.value === undefined ||
        updates.value === undefined ||
        combine === undefined
      )
        return undefined;
      const result = [...x.value];
      for (let row = 0; row < elementCount(indices.dims.slice(0, -1)); row++) {
        let base = 0;
        for (let axis = 0; axis < depth; axis++) {
          const at = indices.value[row * depth + axis] ?? 0;
          base += (at < 0 ? at + (x.dims[axis] ?? 0) : at) * (strides[axis] ?? 0);
        }
        if (base < 0 || base + inner > result.length)
          c.fail(`index row ${row} points outside [${x.dims.join(", ")}].`);
        for (let i = 0; i < inner; i++)
          result[base + i] = combine(result[base + i] ?? 0, updates.value[row * inner + i] ?? 0);
      }
      return result;
    }),
  ];
};

const scatterElements: InferRule = (c) => {
  const x = c.input(0);
  const indices = c.input(1);
  const updates = c.input(2);
  const axis = axisOf(c, c.int("axis", 0), x.dims.length);
  const size = x.dims[axis] ?? 1;
  const strides = stridesOf(x.dims);
  return [
    knownValue(c, x.type, x.dims, () => {
      const combine = reductions[c.text("reduction", "none")];
      const wanted = indices.value;
      const values = updates.value;
      if (x.value === undefined || wanted === undefined || values === undefined || combine === undefined)
        return undefined;
      const result = [...x.value];
      forEachIndex(indices.dims, (index, position) => {
        const at = wanted[position] ?? 0;
        const offset = offsetOf(index.with(axis, at < 0 ? at + size : at), strides);
        if (offset < 0 || offset >= result.length) c.fail(`index ${at} of an axis of ${size}.`);
        result[offset] = combine(result[offset] ?? 0, values[position] ?? 0);
      });
      return result;
    }),
  ];
};

/** Operators that read or write at positions given by an input. */
export const indexingRules: InferTable = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterND: scatterNd,
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  Compress: (c) => {
    const x = c.input(0);
    const kept = c.elements(1, "the condition").filter((element) => element !== 0).length;
    const axis =
      c.node.attributes["axis"]?.kind === "int" ? axisOf(c, c.int("axis", 0), x.dims.length) : undefined;
    return [knownValue(c, x.type, axis === undefined ? [kept] : x.dims.with(axis, kept))];
  },
};
