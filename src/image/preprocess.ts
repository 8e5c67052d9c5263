import { ParameterError, ShapeError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { InputShape } from "./array-input.ts";
import type { DecodedImage } from "./decoded-image.ts";
import { spatialDims } from "./extent.ts";
import type { Normalization } from "./normalize.ts";
import { type Placement, place, type ResizeMode } from "./placement.ts";
import type { ResizeFilter } from "./resample-taps.ts";
import { type FloatRaster, resize } from "./resize.ts";

/** How a photograph becomes a network input. Plain data; `preprocess-schema.ts` reads it from JSON. */
export interface Preprocess {
  readonly resize: {
    /** `stretch` as in the paper, `crop` as most networks were evaluated, `letterbox` to lose nothing and keep the aspect ratio. */
    readonly mode: ResizeMode;
    readonly filter: ResizeFilter;
    /** True: Pillow's and torchvision's resize. False: OpenCV's, what the paper's code does. */
    readonly antialias: boolean;
    /** `crop` only: input side over the side that the photograph's short side is scaled to; 224 / 256 by default. */
    readonly cropFraction: number;
    /** Input side (or height and width) in pixels for models that take any size; a model's own fixed size wins. */
    readonly size?: number | readonly [height: number, width: number];
  };
  readonly normalization: Normalization;
}

/** A network input and where it lies in the photograph. */
export interface PreprocessedImage {
  /** `[1, C, H, W]` in input space. */
  readonly input: Tensor;
  readonly placement: Placement;
}

/** Height and width that a description states for models of any size. */
export function statedSize(
  resize: Preprocess["resize"] | undefined,
): readonly [height: number, width: number] | undefined {
  const size = resize?.size;
  return typeof size === "number" ? [size, size] : size;
}

/**
 * Resizes and normalises a photograph for a network input of the given size.
 * One channel is luma (ITU-R 601: 0.299 R + 0.587 G + 0.114 B), BGR networks get blue first. Padding (`letterbox`) is the
 * normalization's mean, which is 0 in input space. Layout NHWC is the model's business.
 * @throws {@link ShapeError} for channel counts other than 1 and 3; {@link ParameterError} if the normalization has another channel count.
 */
export function preprocess(
  image: DecodedImage,
  description: Preprocess,
  size: InputShape,
): PreprocessedImage {
  if (size.depth !== undefined) {
    throw new ShapeError(
      `input: expected a volume [${size.channels}, ${spatialDims(size).join(", ")}], got a photograph. ` +
        "Give it as .npy, .npz or a folder of slices; in the library, as a tensor.",
    );
  }
  checkChannels(description.normalization, size.channels);
  const { mode, filter, antialias, cropFraction } = description.resize;
  const { horizontal, vertical, placement } = place(image, size, mode, cropFraction);
  const { region } = placement;
  // The part of the input that shows photograph: all of it, except between the bars of a letterbox.
  const left = Math.max(0, -horizontal.offset);
  const top = Math.max(0, -vertical.offset);
  const width = Math.min(size.width, horizontal.size);
  const height = Math.min(size.height, vertical.size);
  const pixels = resize(image, width, height, {
    filter,
    antialias,
    region: {
      left: Math.max(0, region.left),
      top: Math.max(0, region.top),
      width: (width * image.width) / horizontal.size,
      height: (height * image.height) / vertical.size,
    },
  });
  clip(pixels.data, image.white);
  const input = new Float32Array(size.channels * size.height * size.width);
  for (let channel = 0; channel < size.channels; channel++) {
    const plane = input.subarray(
      channel * size.height * size.width,
      (channel + 1) * size.height * size.width,
    );
    writePlane(
      plane,
      size.width,
      { pixels, left, top },
      planeOf(description.normalization, size.channels, channel, image.white),
    );
  }
  return {
    input: { type: "float32", dims: [1, size.channels, size.height, size.width], data: input },
    placement,
  };
}

/** Bicubic and Lanczos filters overshoot at edges; pixels of an image file cannot. */
function clip(data: Float32Array, white: number): void {
  for (let index = 0; index < data.length; index++) data[index] = Math.min(white, Math.max(0, data[index]!));
}

/** A network channel as an affine function of red, green and blue. */
interface ChannelMix {
  readonly weights: readonly [red: number, green: number, blue: number];
  readonly bias: number;
}

function planeOf(normalization: Normalization, channels: number, channel: number, white: number): ChannelMix {
  const index = Math.min(channel, normalization.mean.length - 1);
  const mean = normalization.mean[index] ?? 0;
  const std = normalization.std[Math.min(channel, normalization.std.length - 1)] ?? 1;
  const scale = 1 / (white * std);
  const bias = -mean / std;
  if (channels === 1) return { weights: [0.299 * scale, 0.587 * scale, 0.114 * scale], bias };
  const color = normalization.channelOrder === "BGR" ? 2 - channel : channel;
  return { weights: [color === 0 ? scale : 0, color === 1 ? scale : 0, color === 2 ? scale : 0], bias };
}

function writePlane(
  plane: Float32Array,
  planeWidth: number,
  source: { readonly pixels: FloatRaster; readonly left: number; readonly top: number },
  { weights: [red, green, blue], bias }: ChannelMix,
): void {
  const { width, height, data } = source.pixels;
  for (let y = 0; y < height; y++) {
    let target = (source.top + y) * planeWidth + source.left;
    for (let offset = y * width * 3; offset < (y + 1) * width * 3; offset += 3) {
      plane[target++] = data[offset]! * red + data[offset + 1]! * green + data[offset + 2]! * blue + bias;
    }
  }
}

function checkChannels({ mean, std, channelOrder }: Normalization, channels: number): void {
  if (channels !== 1 && channels !== 3) {
    throw new ShapeError(
      `input: expected a model that takes 1 (grey) or 3 (colour) channels, got ${channels}. ` +
        "Photographs cannot feed this model; give its input as .npy, in the library as a tensor.",
    );
  }
  for (const [name, values] of [
    ["mean", mean],
    ["std", std],
  ] as const) {
    const isUniform = values.length > 0 && values.every((value) => value === values[0]);
    if (values.length !== channels && !(isUniform && (channels === 1 || values.length === 1))) {
      throw new ParameterError(
        `normalization.${name}: expected 1 or ${channels} values for the model's ${channels} channels, got ${values.length}. ` +
          (channels === 1
            ? 'Grey models usually want "mean": [0], "std": [1].'
            : "Give one value a channel."),
      );
    }
  }
  if (channels === 3 && channelOrder === "gray") {
    throw new ParameterError(
      'normalization.channelOrder: expected "RGB" or "BGR" for a model with 3 channels, got "gray".',
    );
  }
}
