import { z } from "zod";
import { throwIfAborted } from "../../errors.ts";
import { bilateralRegularizer } from "./bilateral-total-variation.ts";
import { games, gameSample, gameScores, gameVariants } from "./games.ts";
import { pathGradient, pathRules } from "./path-gradient.ts";
import {
  iGosLineSearch,
  projectedStep,
  searchLine,
  stepSequence,
  type Evaluated,
  type LineSearchResult,
} from "./line-search.ts";
import { lineSearchSchema } from "./line-search-schema.ts";
import { withValues, type Mask } from "./mask.ts";
import { maskObjective, stepRecord, type MaskFacts } from "./mask-objective.ts";
import { maskedNetwork, type MaskedImages, type MaskedNetwork } from "./masked-network.ts";
import { noiseKinds, noiseLevel } from "./noise.ts";
import {
  defineOptimizer,
  type MaskProblem,
  type OptimizationRecord,
  type OptimizedMask,
} from "./optimizer.ts";
import { regularizerGradient, type Regularizer } from "./regularizer.ts";
import { createStallTest } from "./stall-test.ts";

const params = z.strictObject({
  variant: z
    .enum(gameVariants)
    .describe("iGOS++ learns a deletion and an insertion mask, iGOS+ one mask for both games"),
  iterations: z.int().min(0).max(10_000).describe("steps of the masks"),
  steps: z.int().min(1).max(500).describe("points on each path"),
  quadrature: z.enum(pathRules).describe("how the paths are integrated"),
  score: z
    .enum(["probability", "logit", "log-probability"])
    .describe("what deletion brings down and insertion brings up"),
  noise: z.enum(noiseKinds).describe("noise on the composites of the paths"),
  noiseSigma: z.number().min(0).describe("standard deviation for noise gaussian, in input space"),
  noiseSpread: z
    .number()
    .min(0)
    .describe("for noise inverse-spread: sigma = spread / (max - min of the composite)"),
  l1Weight: z.number().min(0).describe("weight of mean |1 - mask|"),
  tvWeight: z.number().min(0).describe("weight of the bilateral total variation"),
  bilateralSigma: z
    .number()
    .positive()
    .describe("how quickly image contrast makes mask edges cheap, in squared input-space units"),
  update: z.enum(["line-search", "nesterov"]).describe("how the masks move along the gradient"),
  ...lineSearchSchema.shape,
  aopStart: z
    .enum(["square-root", "copy"])
    .describe("both masks start at sqrt of a given mask, so that their product is it, or at the mask itself"),
  stallStop: z
    .int()
    .min(0)
    .describe("stop after this many iterations in a row whose line search failed; 0 never"),
  tolerance: z
    .number()
    .min(0)
    .describe("stop when an iteration lowers the objective by less than this share; 0 never"),
});
export type IGosPpParams = z.output<typeof params>;

const defaults: IGosPpParams = {
  variant: "two-masks",
  iterations: 15,
  steps: 20,
  quadrature: "equal",
  score: "probability",
  noise: "gaussian",
  noiseSigma: 0.2,
  noiseSpread: 0.25,
  l1Weight: 1,
  tvWeight: 20,
  bilateralSigma: 0.01,
  update: "line-search",
  initialStep: 1000,
  shrink: iGosLineSearch.shrink,
  armijo: iGosLineSearch.armijo,
  smallestStep: iGosLineSearch.smallestStep,
  armijoRule: iGosLineSearch.rule,
  candidates: iGosLineSearch.candidates,
  aopStart: "square-root",
  stallStop: 0,
  tolerance: 0,
};

/**
 * iGOS++ and iGOS+ (Khorram, Lawson, Li 2021): a deletion mask D and an insertion mask N whose product is the
 * result, with the bilateral total variation. The line search compares plain composites without noise, where the
 * reference compares noisy path averages.
 */
export const iGosPpOptimizer = defineOptimizer({
  name: "i-gos-pp",
  title: "iGOS++",
  summary: "A mask that removes the class times one that suffices for it, both learned.",
  paper: { authors: "Khorram, Lawson, Li", year: 2021, url: "https://arxiv.org/abs/2012.15783" },
  params,
  defaults,
  aopDefaults: { noise: "inverse-spread", upsampling: "half-pixel", warmup: 5 },
  presets: { "i-gos-plus": { variant: "one-mask" } },
  cost: (settings) => {
    const played = settings.iterations * games[settings.variant].length;
    const trials = stepSequence({ ...settings, rule: settings.armijoRule }).length;
    return { f: played * (trials + 1), fb: played * settings.steps };
  },
  optimize: (problem, settings) => {
    const { model, target, resampling, input } = problem;
    const network = maskedNetwork({ model, target, score: settings.score, resampling });
    const regularizer = bilateralRegularizer(input, resampling, settings.bilateralSigma);
    return optimizeIGosPp(network, regularizer, problem, settings);
  },
});

/** The loop of iGOS++ on any masked network. */
export async function optimizeIGosPp(
  network: MaskedNetwork,
  regularizer: Regularizer,
  problem: Pick<
    MaskProblem,
    "input" | "initialMask" | "baselineAt" | "random" | "signal" | "stop" | "report"
  >,
  settings: IGosPpParams,
): Promise<OptimizedMask> {
  const { signal, initialMask } = problem;
  const size = initialMask.values.length;
  const maskCount = settings.variant === "two-masks" ? 2 : 1;
  const weights = { l1: settings.l1Weight, tv: settings.tvWeight };
  const first =
    maskCount === 2 && settings.aopStart === "square-root"
      ? initialMask.values.map(Math.sqrt)
      : initialMask.values;
  const split = (values: Float64Array): readonly Mask[] =>
    Array.from({ length: maskCount }, (_, index) =>
      withValues(initialMask, values.subarray(index * size, (index + 1) * size)),
    );
  const combined = (values: Float64Array): Mask => split(values).reduce(product);
  const stalled = createStallTest(settings);
  const history: OptimizationRecord[] = [];
  let values = Float64Array.from({ length: size * maskCount }, (_, index) => first[index % size]!);
  let leading: Float64Array = values;
  let known: { readonly background: unknown; readonly score: number } | undefined;

  for (let iteration = 0; iteration < settings.iterations; iteration++) {
    throwIfAborted(signal);
    if (problem.stop?.aborted === true) return { mask: combined(values), history, isFinished: false };
    const images: MaskedImages = { foreground: problem.input, background: problem.baselineAt(iteration) };
    const evaluate = async (
      candidates: readonly Float64Array[],
    ): Promise<readonly Evaluated<MaskFacts>[]> => {
      throwIfAborted(signal);
      const scores = await gameScores(network, candidates.map(split), images, settings.variant, signal);
      return candidates.map((point, index) =>
        maskObjective(combined(point), scores[index]!, regularizer, weights, point),
      );
    };
    const start =
      known?.background === images.background
        ? maskObjective(combined(values), known.score, regularizer, weights, values)
        : (await evaluate([values]))[0]!;
    const masks = split(values);
    const gradient = await maskGradients(network, problem, settings, { masks, images, iteration });
    addRegularizer(gradient, masks, regularizerGradient(regularizer, combined(values), weights));

    let result: LineSearchResult<MaskFacts>;
    if (settings.update === "line-search") {
      result = await searchLine(start, gradient, { ...settings, rule: settings.armijoRule }, evaluate);
    } else {
      // Nesterov: the first momentum factor is 0.
      const next = projectedStep(values, gradient, settings.initialStep);
      const momentum = iteration / (iteration + 3);
      const moved = next.map((value, cell) =>
        Math.min(1, Math.max(0, value + momentum * (value - leading[cell]!))),
      );
      leading = next;
      const [found] = await evaluate([moved]);
      result = { ...found!, step: settings.initialStep, evaluations: 1, isAccepted: true };
    }
    values = Float64Array.from(result.values);
    known = { background: images.background, score: result.facts.score };
    const record = stepRecord(result, start, weights.l1);
    history.push(record);
    problem.report({
      iteration: iteration + 1,
      iterations: settings.iterations,
      objective: result.objective,
      mask: combined(values),
      record,
    });
    const isSettled = problem.baselineAt(iteration + 1) === images.background;
    if (isSettled && stalled(result, start.objective)) break;
  }
  return { mask: combined(values), history, isFinished: true };
}

/**
 * Integrated gradients of all games with respect to their masks, added up: for two masks
 * g_D = 1/2 [IG p_del(D N) - IG p_ins(D N) + IG p_del(D)], g_N = 1/2 [IG p_del(D N) - IG p_ins(D N) - IG p_ins(N)].
 */
async function maskGradients(
  network: MaskedNetwork,
  problem: Pick<MaskProblem, "random" | "signal">,
  settings: IGosPpParams,
  at: { readonly masks: readonly Mask[]; readonly images: MaskedImages; readonly iteration: number },
): Promise<Float64Array> {
  const { masks, images, iteration } = at;
  const noise = { kind: settings.noise, sigma: settings.noiseSigma, spread: settings.noiseSpread };
  const share = settings.variant === "two-masks" ? 0.5 : 1;
  const size = masks[0]!.values.length;
  const total = new Float64Array(size * masks.length);
  for (const [index, game] of games[settings.variant].entries()) {
    const mask = game.masks.map((position) => masks[position]!).reduce(product);
    const ends = game.sign > 0 ? images : { foreground: images.background, background: images.foreground };
    const level = noiseLevel(noise, { ...ends, mask, resampling: network.resampling });
    const gradients = await pathGradient(network, {
      rule: settings.quadrature,
      steps: settings.steps,
      images,
      sampleAt: (step) => ({
        ...gameSample(game, masks),
        ...(level === undefined
          ? {}
          : { noise: { level, stream: problem.random("noise", iteration, step, index) } }),
      }),
      signal: problem.signal,
    });
    for (const position of game.masks) {
      const gradient = gradients[position]!;
      for (let cell = 0; cell < size; cell++) {
        total[position * size + cell]! += share * game.sign * gradient[cell]!;
      }
    }
  }
  return total;
}

/** The regulariser acts on the product; each mask gets its gradient times the other mask. */
function addRegularizer(gradient: Float64Array, masks: readonly Mask[], pull: Float64Array): void {
  masks.forEach((_, position) => {
    const others = masks.filter((__, index) => index !== position);
    for (let cell = 0; cell < pull.length; cell++) {
      const factor = others.reduce((value, other) => value * other.values[cell]!, 1);
      gradient[position * pull.length + cell]! += factor * pull[cell]!;
    }
  });
}

function product(a: Mask, b: Mask): Mask {
  return withValues(
    a,
    a.values.map((value, cell) => value * b.values[cell]!),
  );
}
