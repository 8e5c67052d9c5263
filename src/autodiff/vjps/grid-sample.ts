import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { intAttribute, stringAttribute } from "../../graph/graph.ts";
import type { Vjp, VjpTable } from "../rules.ts";
import { unsupported } from "./axes.ts";
import { widened } from "./precision.ts";

/** A pixel beside a sampling place along one axis: its index, inside the image, and its weight. */
interface Neighbour {
  readonly index: string;
  readonly weight: string;
}

/** The pixels along one axis of length `size` that places in -1..1 read, with their weights. */
function neighbours(
  g: GraphBuilder,
  place: string,
  size: number,
  { isLinear, isBorder, isAligned }: Record<"isLinear" | "isBorder" | "isAligned", boolean>,
): readonly Neighbour[] {
  const shifted = g.mul(g.add(place, 1), (isAligned ? size - 1 : size) / 2);
  const position = isAligned ? shifted : g.sub(shifted, 0.5);
  const limited = (value: string): string =>
    g.node("Clip", [value, g.scalar(0, value), g.scalar(size - 1, value)]);
  const bounded = isBorder ? limited(position) : position;
  const first = g.unary(isLinear ? "Floor" : "Round", bounded);
  const weighted = (pixel: string, weight: string | undefined): Neighbour => {
    const index = limited(pixel);
    const inside = g.cast(g.equal(index, pixel), g.type(pixel));
    return { index, weight: weight === undefined ? inside : g.mul(weight, inside) };
  };
  if (!isLinear) return [weighted(first, undefined)];
  const fraction = g.sub(bounded, first);
  return [weighted(first, g.sub(1, fraction)), weighted(g.add(first, 1), fraction)];
}

/** Reads the image at the places of a grid: a sum of gathered pixels, each times its weight. */
const gridSample: Vjp = ({ g, node, x, y, inputs, composite }) => {
  const mode = stringAttribute(node, "mode", "linear");
  const padding = stringAttribute(node, "padding_mode", "zeros");
  const isLinear = mode === "linear" || mode === "bilinear";
  if (!isLinear && mode !== "nearest") throw unsupported(node, `mode '${mode}'`);
  if (padding !== "zeros" && padding !== "border") throw unsupported(node, `padding_mode '${padding}'`);
  if (g.rank(x) !== 4) throw unsupported(node, "volumes");
  return composite(() => {
    const grid = widened(g, inputs[1] ?? "");
    const [batch = 1, channels = 1] = g.dims(x);
    const [height, width] = [g.size(x, 2), g.size(x, 3)];
    const count = g.size(y, 2) * g.size(y, 3);
    const options = {
      isLinear,
      isBorder: padding === "border",
      isAligned: intAttribute(node, "align_corners", 0) === 1,
    };
    const along = (index: number): string => g.node("Gather", [grid, g.ints([index], [])], { axis: 3 });
    const columns = neighbours(g, along(0), width, options);
    const rows = neighbours(g, along(1), height, options);
    const pixels = g.reshape(x, [batch, channels, height * width]);
    const flat = (value: string): string => g.reshape(value, [batch, 1, count]);
    const terms = rows.flatMap((row) =>
      columns.map((column) => {
        const place = g.cast(g.add(g.mul(row.index, width), column.index), "int64");
        const everyChannel = g.expand(flat(place), [batch, channels, count]);
        const value = g.node("GatherElements", [pixels, everyChannel], { axis: 2 });
        return g.mul(value, g.cast(flat(g.mul(row.weight, column.weight)), g.type(x)));
      }),
    );
    return [
      g.reshape(
        terms.reduce((a, b) => g.add(a, b)),
        g.dims(y),
      ),
    ];
  });
};

export const gridSampleVjps: VjpTable = { GridSample: gridSample };
