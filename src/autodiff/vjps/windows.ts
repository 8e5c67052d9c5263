import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { intAttribute, intsAttribute, type GraphNode } from "../../graph/graph.ts";
import type { VjpContext } from "../rules.ts";
import { range } from "./axes.ts";
import { windowGeometry, type ConvolutionGeometry } from "./convolution.ts";

/** The windows of a pooling node, with the sizes they run over; one entry a spatial axis. */
export interface Windows extends Omit<ConvolutionGeometry, "group"> {
  /** Sizes of the pooled image. */
  readonly sizes: readonly number[];
  /** How many windows there are; ceil_mode included. */
  readonly counts: readonly number[];
  /** From the first to the last element of a window, less one: `dilation (kernel - 1)`. */
  readonly extents: readonly number[];
}

/** The windows of a pooling node from `x` (before) to `y` (after). */
export function poolingWindows(g: GraphBuilder, node: GraphNode, x: string, y: string): Windows {
  const spatial = range(g.rank(x) - 2, 2);
  const sizes = spatial.map((axis) => g.size(x, axis));
  const counts = spatial.map((axis) => g.size(y, axis));
  const geometry = windowGeometry(node, intsAttribute(node, "kernel_shape") ?? sizes, sizes);
  const extents = geometry.kernel.map((k, axis) => (geometry.dilations[axis] ?? 1) * (k - 1));
  return { ...geometry, sizes, counts, extents };
}

/** One spatial axis of the windows. */
export interface WindowAxis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
  readonly size: number;
  readonly count: number;
  readonly extent: number;
}

/** The windows axis by axis. */
export function windowAxes(windows: Windows): readonly WindowAxis[] {
  return windows.kernel.map((kernel, axis) => ({
    kernel,
    stride: windows.strides[axis] ?? 1,
    dilation: windows.dilations[axis] ?? 1,
    begin: windows.begins[axis] ?? 0,
    end: windows.ends[axis] ?? 0,
    size: windows.sizes[axis] ?? 1,
    count: windows.counts[axis] ?? 1,
    extent: windows.extents[axis] ?? 0,
  }));
}

/** ceil_mode of a pooling node. */
export function isCeilMode({ node }: Pick<VjpContext, "node">): boolean {
  return intAttribute(node, "ceil_mode", 0) === 1;
}
