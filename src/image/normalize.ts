/**
 * How pixel values become network input: `input[c] = (pixel[order[c]] - mean[c]) / std[c]` with pixels in 0..1.
 * `mean` and `std` are given in the order of the network's channels.
 */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly channelOrder: "RGB" | "BGR" | "gray";
}

/** The input-space value of a pixel value (0..1) in network channel `channel`. */
export function toInputSpace(normalization: Normalization, channel: number, pixel: number): number {
  const { mean, std } = normalization;
  const index = Math.min(channel, mean.length - 1);
  return (pixel - (mean[index] ?? 0)) / (std[index] ?? 1);
}

/** The pixel value (0..1, unclipped) of an input-space value in network channel `channel`. */
export function toPixelSpace(normalization: Normalization, channel: number, value: number): number {
  const { mean, std } = normalization;
  const index = Math.min(channel, mean.length - 1);
  return value * (std[index] ?? 1) + (mean[index] ?? 0);
}

/** Normalizations by name: the ones that most published classifiers were trained with. */
export const normalizationPresets = {
  /** torchvision, timm, most PyTorch models. */
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], channelOrder: "RGB" },
  /** (v - 127) / 128 for v in 0..255: TensorFlow's EfficientNet-Lite. */
  "efficientnet-lite": {
    mean: [127 / 255, 127 / 255, 127 / 255],
    std: [128 / 255, 128 / 255, 128 / 255],
    channelOrder: "RGB",
  },
  /** v / 127.5 - 1: TensorFlow's Inception and MobileNet, many vision transformers. */
  "minus-one-to-one": { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], channelOrder: "RGB" },
  /** v / 255: models that normalise by themselves, MNIST and CIFAR models. */
  "zero-to-one": { mean: [0, 0, 0], std: [1, 1, 1], channelOrder: "RGB" },
  /** v: models that scale pixels of 0..255 by themselves, as many Keras exports do. */
  "zero-to-255": { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255], channelOrder: "RGB" },
  /** v - mean for v in 0..255, blue first: Caffe models and Keras' VGG and ResNet. */
  "caffe-bgr": {
    mean: [103.939 / 255, 116.779 / 255, 123.68 / 255],
    std: [1 / 255, 1 / 255, 1 / 255],
    channelOrder: "BGR",
  },
  /** OpenAI's CLIP and models tuned from it. */
  clip: {
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
    channelOrder: "RGB",
  },
} as const satisfies Readonly<Record<string, Normalization>>;

export type NormalizationPreset = keyof typeof normalizationPresets;

/** The names of the presets, for schemas and messages. */
export const normalizationPresetNames = Object.keys(normalizationPresets) as readonly NormalizationPreset[];
