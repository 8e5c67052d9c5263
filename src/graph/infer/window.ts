import { elementCount } from "../../tensor/tensor.ts";
import { dimOf, knownValue, type InferContext, type InferRule, type InferTable } from "./context.ts";
import type { KnownValue } from "../infer-node.ts";

/** Geometry of a sliding window on one axis. */
interface Window {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
  readonly padEnd: number;
}

/**
 * The windows of a convolution or pooling node, with `auto_pad` resolved to numbers.
 * SAME_UPPER puts the odd pad at the end, SAME_LOWER at the beginning.
 */
function windowsOf(
  c: InferContext,
  spatial: readonly number[],
  kernel: readonly number[],
): readonly Window[] {
  const strides = c.ints("strides");
  const dilations = c.ints("dilations");
  const pads = c.ints("pads");
  const autoPad = c.text("auto_pad", "NOTSET");
  if (kernel.length !== spatial.length)
    c.fail(`a kernel of ${kernel.length} dimensions on [${spatial.join(", ")}].`);
  return spatial.map((size, axis) => {
    const stride = strides?.[axis] ?? 1;
    const dilation = dilations?.[axis] ?? 1;
    const length = kernel[axis] ?? 1;
    if (stride < 1 || dilation < 1 || length < 1)
      c.fail(`kernel ${length}, stride ${stride}, dilation ${dilation}.`);
    const window = { kernel: length, stride, dilation };
    if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") {
      // ONNX Runtime leaves the dilation of a pool out of its pads, so that its output is then smaller than "same".
      const extent = c.node.opType.endsWith("Pool") ? length : dilation * (length - 1) + 1;
      const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
      const small = Math.floor(total / 2);
      const [padBegin, padEnd] = autoPad === "SAME_UPPER" ? [small, total - small] : [total - small, small];
      return { ...window, padBegin, padEnd };
    }
    if (autoPad === "VALID") return { ...window, padBegin: 0, padEnd: 0 };
    return { ...window, padBegin: pads?.[axis] ?? 0, padEnd: pads?.[spatial.length + axis] ?? 0 };
  });
}

/**
 * Number of windows on an axis. With `ceilMode` a last, partly outside window counts if it starts inside the image or its
 * begin padding (the rule of PyTorch and of ONNX Runtime).
 */
function windowCount(size: number, window: Window, ceilMode = false): number {
  const { kernel, stride, dilation, padBegin, padEnd } = window;
  const room = size + padBegin + padEnd - dilation * (kernel - 1) - 1;
  if (room < 0) return ceilMode && Math.ceil(room / stride) + 1 > 0 ? Math.ceil(room / stride) + 1 : 0;
  if (!ceilMode) return Math.floor(room / stride) + 1;
  const count = Math.ceil(room / stride) + 1;
  return (count - 1) * stride >= size + padBegin ? count - 1 : count;
}

function outputSizes(
  c: InferContext,
  spatial: readonly number[],
  kernel: readonly number[],
  ceilMode: boolean,
): readonly number[] {
  return windowsOf(c, spatial, kernel).map((window, axis) => {
    const count = windowCount(spatial[axis] ?? 0, window, ceilMode);
    return count >= 1
      ? count
      : c.fail(`the kernel [${kernel.join(", ")}] does not fit into [${spatial.join(", ")}].`);
  });
}

/** Shape of a convolution from image and weight; the type is the caller's. */
export function convolutionDims(c: InferContext, x: KnownValue, weight: KnownValue): readonly number[] {
  const [n = 0, channels = 0, ...spatial] = x.dims;
  if (x.dims.length < 3 || weight.dims.length !== x.dims.length) {
    c.fail(
      `expected an image [N, C, ...] and a weight of the same rank, got [${x.dims.join(", ")}] and [${weight.dims.join(", ")}].`,
    );
  }
  const group = c.int("group", 1);
  if (dimOf(c, weight, 1) * group !== channels) {
    c.fail(`the weight [${weight.dims.join(", ")}] with group ${group} does not take ${channels} channels.`);
  }
  const kernel = c.ints("kernel_shape") ?? weight.dims.slice(2);
  return [n, dimOf(c, weight, 0), ...outputSizes(c, spatial, kernel, false)];
}

/** A convolution whose operands are at the given inputs and whose result has a given type (default: that of the image). */
export function convolution(
  imageAt: number,
  weightAt: number,
  type?: (c: InferContext) => KnownValue["type"],
): InferRule {
  return (c) => {
    const x = c.input(imageAt);
    return [knownValue(c, type?.(c) ?? x.type, convolutionDims(c, x, c.input(weightAt)))];
  };
}

const convTranspose: InferRule = (c) => {
  const x = c.input(0);
  const weight = c.input(1);
  const [n = 0, channels = 0, ...spatial] = x.dims;
  if (dimOf(c, weight, 0) !== channels)
    c.fail(`the weight [${weight.dims.join(", ")}] does not take ${channels} channels.`);
  const kernel = c.ints("kernel_shape") ?? weight.dims.slice(2);
  const given = c.ints("output_shape");
  const extra = c.ints("output_padding");
  const isSame = c.text("auto_pad", "NOTSET").startsWith("SAME");
  const windows = windowsOf(c, spatial, kernel);
  const sizes = windows.map(({ kernel: length, stride, dilation, padBegin, padEnd }, axis) => {
    if (given !== undefined) return given[given.length - spatial.length + axis] ?? 0;
    const size = spatial[axis] ?? 0;
    const full = stride * (size - 1) + (extra?.[axis] ?? 0) + dilation * (length - 1) + 1;
    // A kernel shorter than the stride leaves less than "same", and pads are never negative.
    return isSame ? Math.min(size * stride, full) : full - padBegin - padEnd;
  });
  return [knownValue(c, x.type, [n, dimOf(c, weight, 1) * c.int("group", 1), ...sizes])];
};

/** Shape of a pooling node over `[N, C, ...]`. */
export function poolDims(c: InferContext, x: KnownValue): readonly number[] {
  const [n = 0, channels = 0, ...spatial] = x.dims;
  const kernel = c.ints("kernel_shape") ?? c.fail("no kernel_shape.");
  return [n, channels, ...outputSizes(c, spatial, kernel, c.int("ceil_mode", 0) === 1)];
}

const pool: InferRule = (c) => {
  const x = c.input(0);
  return [knownValue(c, x.type, poolDims(c, x))];
};

const maxPool: InferRule = (c) => {
  const x = c.input(0);
  const dims = poolDims(c, x);
  return [knownValue(c, x.type, dims), knownValue(c, "int64", dims)];
};

/** `[N, C, ...]` to `[N, C, 1, ...]`. */
export const globalPool: InferRule = (c) => {
  const x = c.input(0);
  return [
    knownValue(
      c,
      x.type,
      x.dims.map((dim, axis) => (axis < 2 ? dim : 1)),
    ),
  ];
};

const maxUnpool: InferRule = (c) => {
  const x = c.input(0);
  const [n = 0, channels = 0, ...spatial] = x.dims;
  if (c.optional(2) !== undefined) return [knownValue(c, x.type, c.elements(2, "the output shape"))];
  const windows = windowsOf(c, spatial, c.ints("kernel_shape") ?? c.fail("no kernel_shape."));
  const sizes = windows.map(
    (w, axis) => ((spatial[axis] ?? 0) - 1) * w.stride + w.kernel - w.padBegin - w.padEnd,
  );
  return [knownValue(c, x.type, [n, channels, ...sizes])];
};

const col2Im: InferRule = (c) => {
  const x = c.input(0);
  const image = c.elements(1, "the image shape");
  const block = elementCount(c.elements(2, "the block shape"));
  return [knownValue(c, x.type, [x.dims[0] ?? 0, (x.dims[1] ?? 0) / block, ...image])];
};

/** Convolution and pooling. */
export const windowRules: InferTable = {
  Conv: convolution(0, 1),
  DeformConv: convolution(0, 1),
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  MaxUnpool: maxUnpool,
  Col2Im: col2Im,
  MaxRoiPool: (c) => [
    knownValue(c, c.input(0).type, [
      c.input(1).dims[0] ?? 0,
      c.input(0).dims[1] ?? 0,
      ...(c.ints("pooled_shape") ?? []),
    ]),
  ],
  RoiAlign: (c) => [
    knownValue(c, c.input(0).type, [
      c.input(1).dims[0] ?? 0,
      c.input(0).dims[1] ?? 0,
      c.int("output_height", 1),
      c.int("output_width", 1),
    ]),
  ],
};
