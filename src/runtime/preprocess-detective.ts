import { normalizationPresets, type Normalization, type NormalizationPreset } from "../image/normalize.ts";
import { defaultResize } from "../image/preprocess-schema.ts";
import type { Preprocess } from "../image/preprocess.ts";
import { leadingAffine, type LeadingAffine } from "./leading-affine.ts";
import type { StatedPreprocess } from "./metadata-preprocess.ts";
import type { Network } from "./network.ts";

/** A way in which a photograph may have to become the network's input. */
export interface PreprocessCandidate {
  readonly preprocess: Preprocess;
  /** In a few words: `imagenet`, or what it stands for. */
  readonly name: string;
  /** Why it may be the right one. */
  readonly reason: string;
  /** What to pass as `preprocess` (`--preprocess`) to have it. */
  readonly option: string;
}

/** What is known of a model besides its graph. */
export interface PreprocessHints {
  /** What a file beside the model or its metadata state; wins over everything. */
  readonly stated?: StatedPreprocess | undefined;
  /** True if the class names came as Teachable Machine writes them (`0 cat`, `1 dog`). */
  readonly hasNumberedLabels?: boolean;
}

/**
 * The preprocessing to use where the user gives none, and why: what is stated, else what the graph does to pixels first,
 * else what the shape of the file suggests, else ImageNet's mean and deviation.
 */
export function choosePreprocess(
  network: Pick<Network, "graph" | "known" | "input" | "roles" | "tail">,
  hints: PreprocessHints,
): StatedPreprocess {
  if (hints.stated !== undefined) return hints.stated;
  const inside = insideGraph(network);
  if (inside !== undefined) return inside;
  const { input, tail } = network;
  if (input.layout === "NHWC" && hints.hasNumberedLabels === true && input.height === 224) {
    return {
      preprocess: {
        resize: { ...defaultResize, mode: "crop", cropFraction: 1 },
        normalization: normalizationPresets["minus-one-to-one"],
      },
      source: "guessed: channels last and numbered labels, as Teachable Machine exports (v / 127.5 - 1)",
    };
  }
  if (input.depth !== undefined || input.isSignal === true || ![1, 3].includes(input.channels)) {
    const channelOrder = input.channels === 3 ? "RGB" : "gray";
    return {
      preprocess: { resize: defaultResize, normalization: { mean: [0], std: [1], channelOrder } },
      source: "assumed: values as they are, because the model takes no photographs",
    };
  }
  if (input.channels === 1) {
    return {
      preprocess: { resize: defaultResize, normalization: { mean: [0], std: [1], channelOrder: "gray" } },
      source: "assumed: one channel, pixels in 0..1",
    };
  }
  if (input.layout === "NHWC" && tail.cut === "Softmax") {
    return {
      preprocess: { resize: defaultResize, normalization: normalizationPresets["minus-one-to-one"] },
      source: "assumed: channels last and a softmax, as Keras exports; most are trained with v / 127.5 - 1",
    };
  }
  return {
    preprocess: { resize: defaultResize, normalization: normalizationPresets.imagenet },
    source: "assumed",
  };
}

/**
 * The few preprocessings that a model may have been trained with, the chosen one first, so that a person can compare what
 * the network says under each. All fit the photograph in the same way.
 */
export function plausiblePreprocessing(
  network: Pick<Network, "input">,
  chosen: StatedPreprocess,
): readonly PreprocessCandidate[] {
  const { resize, normalization } = chosen.preprocess;
  const candidate = (
    name: string,
    reason: string,
    own: Normalization,
    option = name,
  ): PreprocessCandidate => ({ preprocess: { resize, normalization: own }, name, reason, option });
  const preset = (name: NormalizationPreset, reason: string): PreprocessCandidate =>
    candidate(name, reason, normalizationPresets[name]);
  const first = candidate(
    presetOf(normalization) ?? "stated",
    chosen.source,
    normalization,
    presetOf(normalization) ?? describe(normalization),
  );
  const all =
    network.input.channels === 1
      ? [
          first,
          candidate("zero-to-one", "v / 255", gray(0, 1), describe(gray(0, 1))),
          candidate("minus-one-to-one", "v / 127.5 - 1", gray(0.5, 0.5), describe(gray(0.5, 0.5))),
          candidate(
            "mnist",
            "MNIST's mean and deviation",
            gray(0.1307, 0.3081),
            describe(gray(0.1307, 0.3081)),
          ),
          candidate("zero-to-255", "pixels as they are", gray(0, 1 / 255), describe(gray(0, 1 / 255))),
        ]
      : [
          first,
          preset("imagenet", "torchvision, most of timm"),
          preset("minus-one-to-one", "v / 127.5 - 1: TensorFlow, many vision transformers"),
          preset("zero-to-one", "v / 255: networks that normalise by themselves, Ultralytics"),
          preset(
            "zero-to-255",
            "pixels as they are: networks that scale by themselves, as Keras' EfficientNet",
          ),
          preset("caffe-bgr", "Caffe, Keras' VGG and ResNet"),
          swapped(first, candidate),
        ];
  return all.filter(
    (entry, index) =>
      all.findIndex((other) => isSame(other.preprocess.normalization, entry.preprocess.normalization)) ===
      index,
  );
}

const gray = (mean: number, std: number): Normalization => ({
  mean: [mean],
  std: [std],
  channelOrder: "gray",
});

/** The chosen one with red and blue the other way round. */
function swapped(
  { name, preprocess }: PreprocessCandidate,
  candidate: (name: string, reason: string, own: Normalization, option: string) => PreprocessCandidate,
): PreprocessCandidate {
  const { mean, std, channelOrder } = preprocess.normalization;
  const order = channelOrder === "BGR" ? "RGB" : "BGR";
  const own: Normalization = { mean: mean.toReversed(), std: std.toReversed(), channelOrder: order };
  return candidate(
    `${name}, ${order}`,
    `${order === "BGR" ? "blue" : "red"} first: as read by ${order === "BGR" ? "OpenCV" : "Pillow"}`,
    own,
    describe(own),
  );
}

/** The JSON text that stands for a normalization, short where all channels are alike. */
function describe({ mean, std, channelOrder }: Normalization): string {
  const short = (values: readonly number[]): readonly number[] => {
    const rounded = values.map((value) => Number(value.toPrecision(7)));
    return new Set(rounded).size === 1 ? rounded.slice(0, 1) : rounded;
  };
  return JSON.stringify({ mean: short(mean), std: short(std), channelOrder });
}

function presetOf(normalization: Normalization): NormalizationPreset | undefined {
  const names = Object.keys(normalizationPresets) as NormalizationPreset[];
  return names.find((name) => isSame(normalizationPresets[name], normalization));
}

function isSame(a: Normalization, b: Normalization): boolean {
  const near = (x: readonly number[], y: readonly number[]): boolean =>
    x.length === y.length && x.every((value, index) => Math.abs(value - (y[index] ?? 0)) < 1e-6);
  return a.channelOrder === b.channelOrder && near(a.mean, b.mean) && near(a.std, b.std);
}

/** Means of Caffe's networks, blue first, for pixels in 0..255. */
const caffeMeans = [103.939, 116.779, 123.68];

/**
 * What the scaling at the beginning of the graph says about the pixels that go in: a network that divides by 127.5 or
 * subtracts 123.7 is fed 0..255, one that subtracts 0.485 is fed 0..1.
 */
function insideGraph(network: Parameters<typeof leadingAffine>[0]): StatedPreprocess | undefined {
  const isBytes = network.input.type === "uint8";
  const affine = leadingAffine(network);
  const range = isBytes ? 255 : affine === undefined ? undefined : pixelRange(affine);
  if (range === undefined) return undefined;
  const isGray = network.input.channels === 1;
  const isCaffe =
    affine !== undefined && caffeMeans.every((mean, channel) => Math.abs(zeroOf(affine, channel) - mean) < 2);
  const std = range === 255 ? 1 / 255 : 1;
  const what =
    affine === undefined ? "the input is bytes" : `the graph begins with ${affine.operators.join(", ")}`;
  return {
    preprocess: {
      resize: defaultResize,
      normalization: isGray
        ? gray(0, std)
        : { mean: [0, 0, 0], std: [std, std, std], channelOrder: isCaffe ? "BGR" : "RGB" },
    },
    source: `graph: ${what}, so pixels go in as 0..${range}${isCaffe ? ", blue first (Caffe's means)" : ""}`,
  };
}

/** The value that becomes 0. */
function zeroOf({ scale, bias }: LeadingAffine, channel: number): number {
  return -(bias[channel] ?? 0) / (scale[channel] ?? 1);
}

function pixelRange(affine: LeadingAffine): 1 | 255 | undefined {
  const zeros = affine.scale.map((_, channel) => zeroOf(affine, channel));
  const deviations = affine.scale.map((value) => 1 / Math.abs(value));
  const all = (values: readonly number[], least: number, most: number): boolean =>
    values.every((value) => value >= least && value <= most);
  if (!all([...zeros, ...deviations], -1e4, 1e4)) return undefined;
  if (zeros.some((zero) => zero > 8) || deviations.every((deviation) => deviation > 16)) return 255;
  // A deviation near 1 would say nothing: normalised inputs have it too.
  return all(zeros, -0.01, 1) && all(deviations, 0, 0.6) ? 1 : undefined;
}
