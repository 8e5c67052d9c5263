import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { cropAxes, range } from "./axes.ts";
import { windowAxes, type Windows } from "./windows.ts";

/**
 * The adjoint of summing over windows: every element of x gets the sum of `values` (`[N, C, windows...]`) over the
 * windows that hold it. Three forms, fastest first:
 * windows side by side repeat each value (a nearest Resize); stride 1 is itself a sum over windows (AveragePool);
 * anything else is a depthwise ConvTranspose with ones.
 */
export function spreadOverWindows(g: GraphBuilder, values: string, windows: Windows): string {
  const axes = windowAxes(windows);
  const spatial = range(axes.length, 2);
  if (axes.every(({ stride, kernel, dilation }) => dilation === 1 && stride === kernel)) {
    const scales = [1, 1, ...windows.kernel];
    const repeated = windows.kernel.every((k) => k === 1)
      ? values
      : g.node("Resize", [values, "", g.floats(scales, [scales.length])], {
          mode: "nearest",
          coordinate_transformation_mode: "asymmetric",
          nearest_mode: "floor",
        });
    return cropAxes(
      g,
      repeated,
      windows.begins,
      axes.map(({ count, stride, begin, size }) => count * stride - begin - size),
      spatial,
    );
  }
  const isDense = axes.every(
    ({ stride, dilation, kernel, begin, end }) =>
      stride === 1 && dilation === 1 && begin < kernel && end < kernel,
  );
  if (isDense) {
    const average = g.node("AveragePool", [values], {
      kernel_shape: windows.kernel,
      pads: [
        ...axes.map(({ kernel, begin }) => kernel - 1 - begin),
        ...axes.map(({ kernel, end }) => kernel - 1 - end),
      ],
      count_include_pad: 1,
    });
    return g.mul(
      average,
      windows.kernel.reduce((a, b) => a * b, 1),
    );
  }
  // What the last window needs beyond x: more than the pads in ceil_mode, less where the floor leaves a remainder.
  const needs = axes.map(
    ({ stride, count, extent, begin, size }) => stride * (count - 1) + extent + 1 - begin - size,
  );
  const channels = g.size(values, 1);
  const taps = windows.kernel.reduce((a, b) => a * b, 1);
  const ones = g.floats(
    range(channels * taps).map(() => 1),
    [channels, 1, ...windows.kernel],
    values,
  );
  return g.node("ConvTranspose", [values, ones], {
    group: channels,
    kernel_shape: windows.kernel,
    strides: windows.strides,
    dilations: windows.dilations,
    pads: [...windows.begins, ...needs.map((need) => Math.max(need, 0))],
    output_padding: needs.map((need) => Math.max(-need, 0)),
  });
}
