import type { RandomStream } from "../random/random-stream.ts";
import { batchItem, concatBatch } from "../tensor/tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { throwIfAborted } from "../errors.ts";
import type { Model, RunOptions, ScoreKind, Target } from "./model.ts";
import { smoothDirection } from "./smooth-image.ts";

/** The derivative of the score along one direction, by the gradient and by two central differences. */
export interface DirectionalDerivative {
  /** `gradient`: along the gradient itself, where the score grows fastest. `random`: along a smooth random pattern. */
  readonly kind: "gradient" | "random";
  /** <gradient, direction>. */
  readonly analytic: number;
  /** (s(x + h u) - s(x - h u)) / 2h for each step h, in the order of {@link GradientCheck.steps}. */
  readonly numeric: readonly number[];
}

/** What {@link checkGradient} found. Errors are relative to the root mean square of the derivatives. */
export interface GradientCheck {
  readonly target: Target;
  readonly score: ScoreKind;
  /** Root-mean-square change of a pixel (0..1) at each central difference. */
  readonly steps: readonly number[];
  readonly derivatives: readonly DirectionalDerivative[];
  /** Error of the gradient against the central differences, at the step where it is smallest. */
  readonly error: number;
  /** How far the central differences of the two steps lie apart: what they themselves can be trusted to. */
  readonly referenceError: number;
  /** Largest difference between the logits of a batch of two and of the same images one by one, relative to the largest logit. */
  readonly batchError: number;
  /** The same of the gradients, relative to the largest gradient. */
  readonly batchGradientError: number;
  readonly verdict: "pass" | "fail" | "inconclusive";
  /** One sentence for the user. */
  readonly reason: string;
}

/** Options of {@link checkGradient}. */
export interface GradientCheckOptions extends RunOptions {
  /** Random directions besides the gradient's own. Default 7: with the first, a batch of 32 images for two steps. */
  readonly directionCount?: number;
  /** Largest error that passes. Default 0.02, see {@link checkGradient}. */
  readonly tolerance?: number;
  readonly score?: ScoreKind;
}

/**
 * Pixel changes of the two central differences: one grey level of 256, and a quarter of it. Larger ones cross too many
 * kinks of ReLUs, smaller ones drown in float32: a logit near 10 is known to about 1e-5, a derivative then to 1e-5 / 2h.
 */
const steps = [1 / 256, 1 / 1024] as const;
/** Batches of any size must agree to what float32 sums in another order may differ by. */
const batchTolerance = 1e-3;

/** The gradient scaled to the same root mean square as a smooth direction; undefined for a zero or non-finite gradient. */
function gradientDirection(model: Model, gradient: Tensor): Tensor | undefined {
  let sum = 0;
  for (const value of gradient.data) sum += value * value;
  const rms = Math.sqrt(sum / gradient.data.length);
  if (!(rms > 0 && Number.isFinite(rms))) return undefined;
  const scale = 1 / (rms * (model.normalization.std[0] ?? 1));
  return { ...gradient, data: gradient.data.map((value) => value * scale) };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}

function shifted(input: Tensor, direction: Tensor, step: number): Tensor {
  return { ...input, data: input.data.map((value, index) => value + step * (direction.data[index] ?? 0)) };
}

/** sqrt(mean((a - b)^2)). */
function rootMeanSquareDifference(a: readonly number[], b: readonly number[]): number {
  const sum = a.reduce((total, value, index) => total + (value - (b[index] ?? 0)) ** 2, 0);
  return Math.sqrt(sum / a.length);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let scale = 0;
  for (let index = 0; index < a.length; index++) {
    difference = Math.max(difference, Math.abs((a[index] ?? 0) - (b[index] ?? 0)));
    scale = Math.max(scale, Math.abs(a[index] ?? 0));
  }
  return scale > 0 ? difference / scale : difference;
}

/** Compares a batch of two different images with the same images one by one. */
async function checkBatch(
  model: Model,
  input: Tensor,
  direction: Tensor,
  request: { readonly target: Target; readonly score: ScoreKind } & RunOptions,
) {
  const pair = [input, shifted(input, direction, 1 / 16)];
  const together = await model.gradient(concatBatch(pair), request);
  let logits = 0;
  let gradients = 0;
  for (const [index, image] of pair.entries()) {
    const alone = await model.gradient(image, request);
    logits = Math.max(logits, largestDifference(alone.logits.data, batchItem(together.logits, index).data));
    if (alone.gradient === undefined || together.gradient === undefined) continue;
    gradients = Math.max(
      gradients,
      largestDifference(alone.gradient.data, batchItem(together.gradient, index).data),
    );
  }
  return { logits, gradients };
}

type Measured = Omit<GradientCheck, "verdict" | "reason">;

/** Weighs the errors; see {@link checkGradient}. */
function judge(
  measured: Measured,
  scale: number,
  tolerance: number,
): Pick<GradientCheck, "verdict" | "reason"> {
  const { error, referenceError, batchError, batchGradientError } = measured;
  if (!Number.isFinite(error)) {
    return {
      verdict: "fail",
      reason:
        "The score or its gradient is not a finite number: look for NaN in the weights, or for an image out of range.",
    };
  }
  if (scale === 0) {
    return {
      verdict: "inconclusive",
      reason:
        "The score does not change in any direction that was tried: the target is constant here. Try another image or target.",
    };
  }
  if (Math.max(batchError, batchGradientError) > batchTolerance) {
    return {
      verdict: "fail",
      reason:
        "A batch of two gives other numbers than the same images one by one: the model mixes the images of a batch (BatchNormalization in training mode, a Reshape across the batch). Export it in evaluation mode.",
    };
  }
  if (error <= tolerance) {
    return { verdict: "pass", reason: "The gradient agrees with the central differences." };
  }
  // Two differences that contradict each other by as much cannot convict the gradient.
  if (referenceError > error / 2) {
    return {
      verdict: "inconclusive",
      reason:
        "The two central differences disagree with each other: the score has a kink or a jump here (ReLU, max, rounding), so they prove nothing. Try another image.",
    };
  }
  return {
    verdict: "fail",
    reason:
      "The central differences agree with each other but not with the gradient: please report this model.",
  };
}

/**
 * Proves the gradient on a model: compares it with central differences of the score along the gradient and along smooth
 * random directions, at two step sizes, and a batch of two with the same images one by one.
 *
 * On a network of ReLUs the score is only piecewise linear. A difference over a kink averages the slopes of both sides, which
 * no tolerance for smooth functions covers, so the verdict rests on three numbers: an error of up to `tolerance` (0.02 by
 * default: a wrong or missing rule gives errors of 0.1 and more, kinks on trained networks a few thousandths) passes; a
 * larger one fails if the two step sizes agree with each other much better than with the gradient; otherwise nothing is proven.
 * @param input `[1, C, H, W]` in input space.
 * @param random where the directions come from.
 */
export async function checkGradient(
  model: Model,
  input: Tensor,
  target: Target,
  random: RandomStream,
  { directionCount = 7, tolerance = 0.02, score = "logit", signal }: GradientCheckOptions = {},
): Promise<GradientCheck> {
  const request = { target, score, signal };
  const { gradient } = await model.gradient(input, request);
  if (gradient === undefined) throw new Error("Internal error: checkGradient: no gradient at the input");
  const randomDirections = Array.from({ length: directionCount }, () => smoothDirection(model, random));
  const along = gradientDirection(model, gradient);

  const derivatives: DirectionalDerivative[] = [];
  const candidates = [
    ...(along === undefined ? [] : [{ kind: "gradient" as const, direction: along }]),
    ...randomDirections.map((direction) => ({ kind: "random" as const, direction })),
  ];
  for (const { kind, direction } of candidates) {
    throwIfAborted(signal);
    const images = steps.flatMap((step) => [
      shifted(input, direction, step),
      shifted(input, direction, -step),
    ]);
    const scores = await model.scores(concatBatch(images), target, score, { signal });
    const numeric = steps.map(
      (step, index) => ((scores[2 * index] ?? NaN) - (scores[2 * index + 1] ?? NaN)) / (2 * step),
    );
    derivatives.push({ kind, analytic: dot(gradient.data, direction.data), numeric });
  }

  const analytic = derivatives.map((entry) => entry.analytic);
  const numeric = steps.map((_, step) => derivatives.map((entry) => entry.numeric[step] ?? NaN));
  const zeros = analytic.map(() => 0);
  // Both sides set the scale, so that a gradient of zero everywhere is an error of 1 and not a division by zero.
  const scale = Math.max(
    rootMeanSquareDifference(analytic, zeros),
    ...numeric.map((values) => rootMeanSquareDifference(values, zeros)),
  );
  const relative = (difference: number): number => (scale === 0 ? 0 : difference / scale);
  const batch = await checkBatch(model, input, randomDirections[0] ?? input, request);
  const measured: Measured = {
    target,
    score,
    steps,
    derivatives,
    error: relative(Math.min(...numeric.map((values) => rootMeanSquareDifference(values, analytic)))),
    referenceError: relative(rootMeanSquareDifference(numeric[0] ?? [], numeric[1] ?? [])),
    batchError: batch.logits,
    batchGradientError: batch.gradients,
  };
  return { ...measured, ...judge(measured, scale, tolerance) };
}
