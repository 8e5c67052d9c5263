import type { InferContext } from "./context.ts";
import { gatherStrided, stridesOf } from "./strides.ts";
import type { KnownValue } from "../infer-node.ts";

/** The common shape of numpy-style broadcasting. @throws {ModelError} if two sizes differ and neither is 1. */
export function broadcastDims(c: InferContext, shapes: readonly (readonly number[])[]): readonly number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = Array.from({ length: rank }, () => 1);
  for (const shape of shapes) {
    const lead = rank - shape.length;
    shape.forEach((dim, position) => {
      const axis = lead + position;
      const current = result[axis] ?? 1;
      if (current === 1) result[axis] = dim;
      else if (dim !== 1 && dim !== current) {
        c.fail(`shapes ${shapes.map((s) => `[${s.join(", ")}]`).join(" and ")} do not broadcast together.`);
      }
    });
  }
  return result;
}

/** The known elements of a value, repeated to a larger shape. */
export function expandElements(value: KnownValue, dims: readonly number[]): readonly number[] | undefined {
  if (value.value === undefined) return undefined;
  if (value.dims.length === dims.length && value.dims.every((dim, axis) => dim === dims[axis]))
    return value.value;
  const own = stridesOf(value.dims);
  const lead = dims.length - value.dims.length;
  const strides = dims.map((_, axis) =>
    axis < lead || value.dims[axis - lead] === 1 ? 0 : (own[axis - lead] ?? 0),
  );
  return gatherStrided(value.value, dims, strides);
}
