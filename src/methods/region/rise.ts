import { z } from "zod";
import type { DegenerateReason, SaliencyMap } from "../../image/saliency-map.ts";
import { maskedProgram } from "../../runtime/masked-input.ts";
import { probabilities, type Target } from "../../runtime/model.ts";
import { tensor, type Tensor } from "../../tensor/tensor.ts";
import { fillParameter, filledImage } from "../baseline.ts";
import { runSamples } from "../batched-runs.ts";
import { defineMethod, type MethodContext } from "../define-method.ts";
import { addMask, riseBorders, riseMasks, type RiseDraw } from "./rise-masks.ts";

const params = z.strictObject({
  masks: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(8000)
    .describe("number of random masks; 8000 as the authors for ResNet50 (4000 for VGG-size networks)"),
  grid: z.int().min(1).max(64).default(7).describe("cells along each side of a mask; 7 as in the paper"),
  keep: z
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .describe("probability that a cell shows the image; 0.5 as in the paper (some programs use 0.1)"),
  score: z
    .enum(["probability", "logit"])
    .default("probability")
    .describe("what weights the masks; the probability, as in the paper"),
  fill: fillParameter("mean", "the mean colour of the data, as in the paper"),
  normaliser: z
    .enum(["expected", "realised", "none"])
    .default("expected")
    .describe(
      "divide by masks x keep as in the paper, by how often each pixel was really shown (less noise), or by masks only",
    ),
  border: z
    .enum(riseBorders)
    .default("reflect-101")
    .describe(
      "what lies beyond the outer cells when a mask is enlarged; mirrored as in the authors' program",
    ),
  tolerance: z
    .number()
    .min(0)
    .default(0)
    .describe(
      "stop once the standard error of every pixel is at most this share of the map's largest value; 0 runs all masks",
    ),
});
type RiseParams = z.output<typeof params>;

/**
 * RISE: the mean of random masks, each weighted with the score of the image seen through it,
 * S = sum_n y_n M_n / (N keep). Masks are drawn from a stream of their own and enlarged inside the graph; none
 * is kept. Reference: `eclique/RISE: explanations.py`, `normaliser=realised` as `deel-ai/xplique`, `none` as TorchRay.
 */
export const rise = defineMethod({
  name: "rise",
  title: "RISE",
  family: "region",
  needs: "forward",
  paper: { authors: "Petsiuk et al.", year: 2018, url: "https://arxiv.org/abs/1806.07421" },
  summary: "The mean of random masks, weighted with the score of what they show; works with any network.",
  params,
  cost: ({ masks }) => ({ f: masks, fb: 0 }),
  async explain(context) {
    const [map] = await riseMaps(context, [context.target]);
    return map!;
  },
});

/** Between two looks at the standard error. Not the batch size, so that the map does not depend on it. */
const checkInterval = 100;

/** One pass over the masks gives a map for each of several targets. The score that is reported is the first target's. */
export async function riseMaps(
  context: MethodContext<RiseParams>,
  targets: readonly Target[],
): Promise<readonly SaliencyMap[]> {
  const { model, input, params, signal, stop } = context;
  const { height, width, channels } = model;
  const geometry = { gridSize: params.grid, height, width, border: params.border, keep: params.keep };
  const draw = riseMasks(geometry);
  const accumulators = targets.map(() => ({
    sum: new Float64Array(height * width),
    squares: new Float64Array(height * width),
    largest: 0,
  }));
  const shown = params.normaliser === "realised" ? new Float64Array(height * width) : undefined;
  let draws: readonly RiseDraw[] = [];
  let done = 0;

  const maps = (): readonly SaliencyMap[] =>
    accumulators.map(({ sum, largest }) => riseMap(sum, shown, done, largest, params, context));
  const isPrecise = (): boolean =>
    accumulators.every(({ sum, squares }) => relativeError(sum, squares, done) <= params.tolerance);

  await runSamples({
    model,
    program: maskedProgram({
      channels,
      height,
      width,
      resampling: { kind: "fed", maskHeight: params.grid, maskWidth: params.grid },
      background: params.fill === "mean" ? "zero" : "shared",
    }),
    count: params.masks,
    feeds(start, end) {
      draws = Array.from({ length: end - start }, (_, index) => draw(context.random(start + index)));
      const count = end - start;
      return {
        mask: joined(draws, "grid", [count, 1, params.grid, params.grid]),
        rows: joined(draws, "rows", [count, 1, height, params.grid]),
        columns: joined(draws, "columns", [count, 1, params.grid, width]),
      };
    },
    shared: {
      foreground: input,
      ...(params.fill !== "mean" && { background: filledImage(params.fill, input, model.normalization) }),
    },
    target: targets[0] ?? context.target,
    score: params.score,
    onBatch(start, _, logits) {
      for (const [index, mask] of draws.entries()) {
        const row = logits.data.subarray(
          (index * logits.data.length) / draws.length,
          ((index + 1) * logits.data.length) / draws.length,
        );
        const values = params.score === "logit" ? row : probabilities(row, model.probabilityKind);
        targets.forEach((target, position) => {
          const score = values[target.index]! - (target.minus === undefined ? 0 : values[target.minus]!);
          const accumulator = accumulators[position]!;
          accumulator.largest = Math.max(accumulator.largest, Math.abs(score));
          addMask(accumulator.sum, mask, score, geometry);
          // Of the squares of y M only their mean enters the standard error, so M^2 is taken as M: an upper bound, as M <= 1.
          if (params.tolerance > 0) addMask(accumulator.squares, mask, score * score, geometry);
        });
        if (shown) addMask(shown, mask, 1, geometry);
        done = start + index + 1;
        if (params.tolerance > 0 && done % checkInterval === 0 && isPrecise()) return true;
      }
      context.report({ done, total: params.masks, map: () => maps()[0]! });
      return false;
    },
    signal,
    stop,
  });
  return maps();
}

function riseMap(
  sum: Float64Array,
  shown: Float64Array | undefined,
  done: number,
  largestScore: number,
  { keep, normaliser, masks }: RiseParams,
  { model }: MethodContext<RiseParams>,
): SaliencyMap {
  const divisor = normaliser === "expected" ? done * keep : done;
  const values = Float32Array.from(
    sum,
    (value, pixel) => value / (shown ? Math.max(shown[pixel]!, 1e-12) : divisor),
  );
  const degenerate = riseDegenerate(values, largestScore);
  return {
    width: model.width,
    height: model.height,
    values,
    ...(degenerate && { degenerate }),
    ...(done < masks && { details: { masks: done } }),
  };
}

function riseDegenerate(values: Float32Array, largestScore: number): DegenerateReason | undefined {
  if (largestScore < 1e-6) {
    return {
      code: "score-near-zero",
      message:
        "The class has a score below 1e-6 under every mask, so the map is noise. Explain another class, or use score=logit.",
    };
  }
  const [first] = values;
  if (!values.every((value) => value === first)) return undefined;
  return {
    code: "constant",
    message:
      "Every pixel has the same value: the masks hide nothing or the score ignores the image. Use keep below 1.",
  };
}

/** The largest standard error of a pixel's mean, as a share of the largest mean; infinite for an empty map. */
function relativeError(sum: Float64Array, squares: Float64Array, count: number): number {
  let largest = 0;
  let error = 0;
  for (let pixel = 0; pixel < sum.length; pixel++) {
    const mean = sum[pixel]! / count;
    largest = Math.max(largest, Math.abs(mean));
    error = Math.max(error, squares[pixel]! / count - mean * mean);
  }
  return largest === 0 ? Infinity : Math.sqrt(error / count) / largest;
}

function joined(
  draws: readonly RiseDraw[],
  part: "grid" | "rows" | "columns",
  dims: readonly number[],
): Tensor {
  const size = draws[0]?.[part].length ?? 0;
  const data = new Float32Array(size * draws.length);
  draws.forEach((draw, index) => data.set(draw[part], index * size));
  return tensor(data, dims);
}
