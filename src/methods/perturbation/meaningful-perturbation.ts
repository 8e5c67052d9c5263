import { z } from "zod";
import { throwIfAborted } from "../../errors.ts";
import { createAdam } from "./adam.ts";
import { discMask } from "./disc-start.ts";
import { createJitter } from "./jitter.ts";
import { withValues } from "./mask.ts";
import { maskedNetwork, type MaskedNetwork } from "./masked-network.ts";
import { noiseKinds, noiseLevel } from "./noise.ts";
import {
  defineOptimizer,
  type MaskProblem,
  type OptimizationRecord,
  type OptimizedMask,
} from "./optimizer.ts";
import { meanRegularizer, regularizerGradient, sumRegularizer } from "./regularizer.ts";
import { createStallTest } from "./stall-test.ts";

const params = z.strictObject({
  iterations: z.int().min(0).max(10_000).describe("steps of Adam, one gradient each"),
  score: z.enum(["probability", "logit", "log-probability"]).describe("what the mask is to bring down"),
  start: z
    .enum(["ones", "disc"])
    .describe("mask to start from: the whole image, or the smallest blurred disc that removes the class"),
  regularizer: z
    .enum(["mean", "sum"])
    .describe("means with anisotropic total variation, or sums with isotropic"),
  l1Weight: z.number().min(0).describe("weight of |1 - mask| (lambda 1)"),
  tvWeight: z.number().min(0).describe("weight of the total variation (lambda 2)"),
  tvExponent: z.number().min(1).describe("exponent of the total variation"),
  learningRate: z.number().positive().describe("learning rate of Adam"),
  noise: z.enum(noiseKinds).describe("noise on the masked image, fresh in each iteration"),
  noiseSigma: z.number().min(0).describe("standard deviation for noise gaussian, in input space"),
  noiseSpread: z
    .number()
    .min(0)
    .describe("for noise inverse-spread: sigma = spread / (max - min of the composite)"),
  jitter: z
    .int()
    .min(0)
    .max(64)
    .describe("image and baseline are enlarged by this many pixels and cropped at random in each iteration"),
  straightThroughBlur: z
    .boolean()
    .describe("leave the blur of the mask out of its gradient, as the original code does"),
  tolerance: z
    .number()
    .min(0)
    .describe("stop when an iteration lowers the objective by less than this share; 0 never"),
});
export type MeaningfulPerturbationParams = z.output<typeof params>;

/** The torch port, which the paper's authors seem to have run. */
const defaults: MeaningfulPerturbationParams = {
  iterations: 500,
  score: "probability",
  start: "ones",
  regularizer: "mean",
  l1Weight: 0.01,
  tvWeight: 0.2,
  tvExponent: 3,
  learningRate: 0.1,
  noise: "gaussian",
  noiseSigma: 0.2,
  noiseSpread: 0.25,
  jitter: 0,
  straightThroughBlur: false,
  tolerance: 0,
};

/**
 * Meaningful perturbation (Fong and Vedaldi 2017; EMP in the SIGCAM paper): minimises
 * p(up(M) + noise) + l1 L1(M) + tv TV(M) with Adam, M clamped to [0, 1] after each step.
 *
 * Preset `emp-original` differs from the original code in two points, because only the network's input is known here: the
 * baseline is blurred with sigma 10 at the input's resolution (not the photograph's), and jitter enlarges the input by 4
 * pixels (not the photograph). Its mask blur has the exact adjoint unless `straightThroughBlur` is set.
 */
export const meaningfulPerturbationOptimizer = defineOptimizer({
  name: "meaningful-perturbation",
  title: "Meaningful perturbation (EMP)",
  summary: "The smallest smooth mask that removes the class, learned by gradient descent.",
  paper: { authors: "Fong, Vedaldi", year: 2017, url: "https://arxiv.org/abs/1704.03296" },
  params,
  defaults,
  aopDefaults: { upsampling: "half-pixel", warmup: 5 },
  presets: {
    emp: {},
    "emp-original": {
      iterations: 300,
      start: "disc",
      regularizer: "sum",
      l1Weight: 1e-4,
      tvWeight: 1e-2,
      upsampling: "nearest",
      maskBlur: 5,
      jitter: 4,
      noise: "none",
      baseline: "wide-blur",
      sigma: 10,
    },
  },
  cost: ({ iterations, start }) => ({ f: start === "disc" ? 36 : 0, fb: iterations }),
  async optimize(problem, settings) {
    const { model, target, resampling, sharpResampling } = problem;
    const gradientResampling = settings.straightThroughBlur ? sharpResampling : undefined;
    const network = maskedNetwork({ model, target, score: settings.score, resampling, gradientResampling });
    // A mask that is given (AOP) is where to start; the disc replaces only the ones.
    const isGiven = problem.initialMask.values.some((value) => value !== 1);
    const initialMask =
      settings.start === "disc" && !isGiven ? await discMask(problem, settings.score) : problem.initialMask;
    return optimizeMeaningfulPerturbation(network, { ...problem, initialMask }, settings);
  },
});

/** The loop of EMP on any masked network. */
export async function optimizeMeaningfulPerturbation(
  network: MaskedNetwork,
  problem: Pick<
    MaskProblem,
    "input" | "initialMask" | "baselineAt" | "random" | "signal" | "stop" | "report"
  >,
  settings: MeaningfulPerturbationParams,
): Promise<OptimizedMask> {
  const { input, signal } = problem;
  const regularizer =
    settings.regularizer === "mean"
      ? meanRegularizer(settings.tvExponent)
      : sumRegularizer(settings.tvExponent);
  const weights = { l1: settings.l1Weight, tv: settings.tvWeight };
  const noise = { kind: settings.noise, sigma: settings.noiseSigma, spread: settings.noiseSpread };
  const adam = createAdam(problem.initialMask.values.length, settings.learningRate);
  const jitter = createJitter(settings.jitter);
  const stalled = createStallTest({ stallStop: 0, tolerance: settings.tolerance });
  const history: OptimizationRecord[] = [];
  let mask = problem.initialMask;
  let previous: number | undefined;

  for (let iteration = 0; iteration < settings.iterations; iteration++) {
    throwIfAborted(signal);
    if (problem.stop?.aborted === true) return { mask, history, isFinished: false };
    const background = problem.baselineAt(iteration);
    const images = jitter({ foreground: input, background }, problem.random("jitter", iteration));
    const level = noiseLevel(noise, { ...images, mask, resampling: network.resampling });
    const stream = problem.random("noise", iteration, 0);
    const sample = { masks: [mask], ...(level === undefined ? {} : { noise: { level, stream } }) };
    const { scores, gradients } = await network.gradients([sample], images, signal);
    const pull = regularizerGradient(regularizer, mask, weights);
    const gradient = gradients[0]![0]!.map((value, cell) => value + pull[cell]!);

    const [score, l1, tv] = [scores[0]!, regularizer.l1(mask), regularizer.tv(mask)];
    const objective = score + weights.l1 * l1 + weights.tv * tv;
    const record = {
      score,
      l1,
      tv,
      objective,
      objectiveBefore: previous ?? objective,
      l1Weight: weights.l1,
      step: settings.learningRate,
      evaluations: 0,
      isAccepted: true,
    };
    history.push(record);
    const moved = adam.step(mask.values, gradient);
    mask = withValues(
      mask,
      moved.map((value) => Math.min(1, Math.max(0, value))),
    );
    problem.report({ iteration: iteration + 1, iterations: settings.iterations, objective, mask, record });
    const isSettled = problem.baselineAt(iteration + 1) === background;
    if (isSettled && previous !== undefined && stalled({ isAccepted: true, objective }, previous)) break;
    previous = objective;
  }
  return { mask, history, isFinished: true };
}
