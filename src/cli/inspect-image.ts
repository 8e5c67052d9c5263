import { decodeImage } from "../image/decode-node.ts";
import { fitForDisplay } from "../image/display-size.ts";
import { renderFigure, type Panel } from "../image/figure.ts";
import { toPixelSpace, type Normalization } from "../image/normalize.ts";
import { preprocess } from "../image/preprocess.ts";
import type { RgbaImage } from "../image/rgba-image.ts";
import type { NodeModel } from "../node.ts";
import { probabilities } from "../runtime/model.ts";
import { plausiblePreprocessing } from "../runtime/preprocess-detective.ts";
import { batchItem, concatBatch, type Tensor } from "../tensor/tensor.ts";

/** Classes listed under each preprocessing. */
const listedClasses = 5;

/** What the network says of a photograph under one preprocessing. */
export interface PreprocessTrial {
  readonly name: string;
  /** Why it may be the right one. */
  readonly reason: string;
  /** What to pass as `--preprocess` to have it. */
  readonly option: string;
  /** True for the one that the other commands use. */
  readonly isChosen: boolean;
  /** The most probable classes, best first. */
  readonly top: readonly { readonly index: number; readonly label?: string; readonly probability: number }[];
}

/** The trials of a photograph, and what the network saw in them. */
export interface PreprocessTrials {
  readonly trials: readonly PreprocessTrial[];
  /** Each network input as a picture: colours are right where the preprocessing is like the chosen one. */
  readonly picture: RgbaImage;
}

/**
 * Runs a photograph through a model under each plausible preprocessing, so that a person can tell by eye which is right: the
 * wrong ones give other classes, or less certain ones. Nothing in the file can tell that for sure.
 *
 * @param source path of the photograph, or its bytes
 * @throws DataError if it is not an image; ShapeError if the network takes no photographs (other than 1 or 3 channels)
 */
export async function tryPreprocessings(
  model: NodeModel,
  source: string | Uint8Array,
  options: { readonly signal?: AbortSignal } = {},
): Promise<PreprocessTrials> {
  const photograph = await decodeImage(source);
  const candidates = plausiblePreprocessing(model.network, {
    preprocess: model.preprocess,
    source: model.description.preprocessSource,
  });
  const inputs = candidates.map((candidate) => preprocess(photograph, candidate.preprocess, model).input);
  const logits = await model.logits(concatBatch(inputs), options);
  const trials = candidates.map(({ name, reason, option }, index): PreprocessTrial => ({
    name,
    reason,
    option,
    isChosen: index === 0,
    top: topClasses(batchItem(logits, index), model),
  }));
  const panels = trials.map(({ name, top: [best] }, index): Panel => ({
    image: fitForDisplay(asPicture(inputs[index]!, model.preprocess.normalization), {
      minSide: 192,
      maxSide: 320,
    }),
    title: index === 0 ? `${name} (chosen)` : name,
    note: best === undefined ? "" : `${best.label ?? `class ${best.index}`} ${best.probability.toFixed(3)}`,
  }));
  const picture = renderFigure(panels, {
    title: "What the network sees",
    subtitle: "Each preprocessing's input, shown as the chosen one would have it.",
  });
  return { trials, picture };
}

function topClasses(
  logits: Tensor,
  { labels, probabilityKind }: Pick<NodeModel, "labels" | "probabilityKind">,
): PreprocessTrial["top"] {
  const values = probabilities(logits.data, probabilityKind);
  const order = Array.from(values, (_, index) => index).sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0));
  return order.slice(0, listedClasses).map((index) => ({
    index,
    ...(labels?.[index] !== undefined && { label: labels[index] }),
    probability: values[index] ?? Number.NaN,
  }));
}

/** A network input `[1, C, H, W]` as a picture, read back with a normalization. */
function asPicture(
  { dims: [, channels = 3, height = 0, width = 0], data }: Tensor,
  normalization: Normalization,
): RgbaImage {
  const area = height * width;
  const pixels = new Uint8ClampedArray(4 * area).fill(255);
  for (let pixel = 0; pixel < area; pixel++) {
    for (let color = 0; color < 3; color++) {
      const channel = channels === 1 ? 0 : normalization.channelOrder === "BGR" ? 2 - color : color;
      pixels[4 * pixel + color] =
        255 * toPixelSpace(normalization, channel, data[channel * area + pixel] ?? 0);
    }
  }
  return { width, height, data: pixels };
}

/** The trials as a table for a terminal: classes beside each other's probability, and how to ask for the preprocessing. */
export async function formatTrials(trials: readonly PreprocessTrial[]): Promise<string> {
  const { formatText } = await import("./table.ts");
  const { default: pc } = await import("picocolors");
  const rows = trials.flatMap(({ name, reason, option, isChosen, top }, position) => {
    const words = [
      isChosen ? pc.bold(`> ${name}`) : `  ${name}`,
      pc.dim(`  ${reason}`),
      ...(isChosen ? [] : [pc.dim(`  --preprocess ${quoted(option)}`)]),
    ];
    const gap = position === 0 ? [] : [["", "", ""]];
    const lines = Array.from({ length: Math.max(words.length, top.length) }, (_, line) => {
      const found = top[line];
      const label = found === undefined ? "" : (found.label ?? `class ${found.index}`);
      return [
        found === undefined ? "" : found.probability.toFixed(4),
        found?.label === undefined ? label : `${label} (${found.index})`,
        words[line] ?? "",
      ];
    });
    return [...gap, ...lines];
  });
  return formatText({ header: ["probability", "class", "preprocessing"], rows });
}

/** Quoted for a shell if it has to be. */
function quoted(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text}'`;
}
