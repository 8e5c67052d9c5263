import type { ElementType } from "../../tensor/tensor.ts";
import { intAttribute } from "../../graph/graph.ts";
import { unary, type VjpContext, type VjpTable } from "../rules.ts";
import { positiveAxis, range, refuse, unsupported } from "./axes.ts";

/** Smallest and largest integer of the types that values are quantised to. */
export const integerRanges: Readonly<Partial<Record<ElementType, readonly [number, number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int4: [-8, 7],
  uint4: [0, 15],
};

/**
 * Straight-through estimation: rounding counts as the identity where x lies inside the range that the integers can
 * represent, and nothing passes where it was clipped. (A quantiser drops the ReLU before a zero point at the end of the
 * range: this open interval is then its gradient.) `dy` is the cotangent of the represented real number.
 */
function quantizeVjp({ g, node, x, y, inputs, dy, full }: VjpContext): string {
  const [, scale = "", zeroPoint = ""] = inputs;
  const limits = integerRanges[g.type(y)];
  if (limits === undefined || intAttribute(node, "block_size", 0) > 0)
    throw unsupported(node, limits === undefined ? `the type ${g.type(y)}` : "blocks");
  const rank = g.rank(x);
  const axis = positiveAxis(intAttribute(node, "axis", 1), rank);
  const shaped = (value: string): string => {
    if (g.rank(value) === 0 || g.dim(value, 0) === 1) return g.reshape(value, []);
    return g.reshape(
      value,
      range(rank).map((index) => (index === axis ? g.dim(value, 0) : 1)),
    );
  };
  const step = g.cast(shaped(scale), g.type(x));
  const bound = (limit: number): string => {
    const offset = zeroPoint === "" ? undefined : g.cast(shaped(zeroPoint), g.type(x));
    return g.mul(step, offset === undefined ? g.scalar(limit, x) : g.sub(limit, offset));
  };
  const isInside = g.node("And", [g.greater(x, bound(limits[0])), g.less(x, bound(limits[1]))]);
  return g.where(isInside, g.cast(full(dy), g.type(x)), 0);
}

const quantize: VjpTable[string] = (context) => [
  () => quantizeVjp(context),
  refuse(context.node, "its scale"),
];
/** The integers carry the cotangent of the real number that they stand for. */
const dequantize = unary(({ dy }) => dy);

export const quantizationVjps: VjpTable = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  "com.microsoft:QuantizeLinear": quantize,
  "com.microsoft:DequantizeLinear": dequantize,
};
