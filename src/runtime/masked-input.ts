import type { GraphBuilder } from "../graph/graph-builder.ts";
import { tensor, type Tensor } from "../tensor/tensor.ts";
import type { MaskResampling, Matrix } from "./mask-resampling.ts";
import type { Program } from "./model.ts";

/** What a masked program makes the network's input of. */
export interface MaskedInput {
  /** Shape of the network's input. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly resampling: MaskResampling | FedResampling;
  /** Names of the mask inputs, each `[batch, 1, h, w]`; several are multiplied after upsampling. Default `["mask"]`. */
  readonly masks?: readonly string[];
  /**
   * A further mask input `probe` that is upsampled by another matrix and added. Fed with zeros it changes nothing, but its
   * gradient is the gradient of the mask as if it had been upsampled that way (straight-through estimates).
   */
  readonly probe?: MaskResampling;
  /** Where mask values are 1: input `foreground`, one for all samples (default) or one a sample. */
  readonly foreground?: "shared" | "batched";
  /** Where they are 0: input `background`; `zero` is the mean colour of the data and needs no feed. Default `shared`. */
  readonly background?: "shared" | "batched" | "zero";
  /** Multiplies the upsampled mask with input `gain` `[batch, 1, 1, 1]`: the position on a path. */
  readonly gain?: boolean;
  /** Adds input `offset` `[batch, 1, 1, 1]` after the gain: gain -a with offset 1 swaps foreground and background. */
  readonly offset?: boolean;
  /** Adds input `noise` `[batch, C, H, W]` to the composite. */
  readonly noise?: boolean;
  /** Differentiate with respect to the masks (and the probe): outputs `gradient:NAME`, `[batch, 1, h, w]`. */
  readonly gradient?: boolean;
}

/** The matrices differ from sample to sample: inputs `rows` `[batch, 1, H, h]` and `columns` `[batch, 1, w, W]` (transposed). */
export interface FedResampling {
  readonly kind: "fed";
  readonly maskHeight: number;
  readonly maskWidth: number;
}

/**
 * The program of a network that sees `background + (foreground - background) * V + noise` with
 * `V = gain * up(mask) + offset`. Upsampling is two small matrix products, so only masks enter
 * the graph and only mask gradients leave it. Float32; `foreground` and `background` are `[1 or batch, C, H, W]` in
 * input space.
 *
 * @example
 * const program = maskedProgram({ channels: 3, height: 224, width: 224, resampling: maskResampling("half-pixel", { height: 28, width: 28 }, model), gradient: true });
 * const { scores, outputs } = await model.run(program, { batched: { mask }, shared: { foreground: image, background: blurred } }, { target, score: "probability" });
 * outputs["gradient:mask"]; // [n, 1, 28, 28]
 */
export function maskedProgram(input: MaskedInput): Program {
  const masks = input.masks ?? ["mask"];
  const probes = input.probe === undefined ? [] : ["probe"];
  const wrt = input.gradient === true ? [...masks, ...probes] : [];
  return {
    key: programKey(input, masks),
    prologue: (g) => composite(g, input, masks),
    wrt,
    outputs: wrt.map((name) => `gradient:${name}`),
  };
}

function programKey(input: MaskedInput, masks: readonly string[]): string {
  const { resampling } = input;
  return [
    "masked",
    `${input.channels}x${input.height}x${input.width}`,
    "kind" in resampling ? `fed:${resampling.maskHeight}x${resampling.maskWidth}` : resampling.key,
    masks.join("*"),
    input.probe?.key ?? "",
    input.foreground ?? "shared",
    input.background ?? "shared",
    ...(["gain", "offset", "noise", "gradient"] as const).filter((flag) => input[flag] === true),
  ].join("|");
}

function composite(g: GraphBuilder, input: MaskedInput, masks: readonly string[]): string {
  const { channels, height, width, resampling } = input;
  const upsample = upsampler(g, resampling, input);
  let weight = masks.map((name) => upsample(name)).reduce((product, mask) => g.mul(product, mask));
  if (input.probe !== undefined) weight = g.add(weight, upsampler(g, input.probe, input)("probe"));
  if (input.gain === true) weight = g.mul(weight, g.input("gain", ["batch", 1, 1, 1]));
  if (input.offset === true) weight = g.add(weight, g.input("offset", ["batch", 1, 1, 1]));

  const image = (name: string, spread: "shared" | "batched"): string =>
    g.input(name, [spread === "shared" ? 1 : "batch", channels, height, width]);
  const foreground = image("foreground", input.foreground ?? "shared");
  const background =
    input.background === "zero" ? undefined : image("background", input.background ?? "shared");
  // One product of image size instead of two; exact where foreground and background are equal.
  let result =
    background === undefined
      ? g.mul(weight, foreground)
      : g.add(g.mul(weight, g.sub(foreground, background)), background);
  if (input.noise === true) result = g.add(result, image("noise", "batched"));
  return result;
}

function upsampler(
  g: GraphBuilder,
  resampling: MaskResampling | FedResampling,
  { height, width }: MaskedInput,
): (name: string) => string {
  if ("kind" in resampling) {
    const { maskHeight, maskWidth } = resampling;
    let fed: readonly [string, string] | undefined;
    return (name) => {
      const mask = g.input(name, ["batch", 1, maskHeight, maskWidth]);
      fed ??= [
        g.input("rows", ["batch", 1, height, maskHeight]),
        g.input("columns", ["batch", 1, maskWidth, width]),
      ];
      return g.matmul(fed[0], g.matmul(mask, fed[1]));
    };
  }
  const { rows, columns } = resampling;
  return (name) => {
    const mask = g.input(name, ["batch", 1, rows.columnCount, columns.columnCount]);
    // A mask of full size passes as it is.
    const wide = isIdentity(columns)
      ? mask
      : g.matmul(mask, g.constant(matrixTensor(columns, true), "upsample-columns"));
    return isIdentity(rows) ? wide : g.matmul(g.constant(matrixTensor(rows, false), "upsample-rows"), wide);
  };
}

function isIdentity({ rowCount, columnCount, values }: Matrix): boolean {
  if (rowCount !== columnCount) return false;
  return values.every((value, index) => value === (index % (columnCount + 1) === 0 ? 1 : 0));
}

function matrixTensor({ rowCount, columnCount, values }: Matrix, transposed: boolean): Tensor {
  if (!transposed) return tensor(Float32Array.from(values), [rowCount, columnCount]);
  const data = new Float32Array(values.length);
  for (let row = 0; row < rowCount; row++) {
    for (let column = 0; column < columnCount; column++)
      data[column * rowCount + row] = values[row * columnCount + column]!;
  }
  return tensor(data, [columnCount, rowCount]);
}
