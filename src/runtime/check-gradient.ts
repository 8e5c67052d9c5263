import { throwIfAborted } from "../errors.ts";
import type { RandomStream } from "../random/random-stream.ts";
import { batchItem, concatBatch } from "../tensor/tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Model, RunOptions, ScoreKind, Target } from "./model.ts";
import { smoothDirection } from "./smooth-image.ts";

/** The slope of the score along one direction of unit length, by the gradient and by central differences. */
export interface DirectionalDerivative {
  /**
   * `gradient`: along the gradient, where the score grows fastest, or along the gradient under a smooth random mask.
   * `random`: along a smooth random pattern, mostly across the gradient.
   */
  readonly kind: "gradient" | "random";
  /** <gradient, direction>. */
  readonly analytic: number;
  /** (s(x + h u) - s(x - h u)) / 2h for a step h and for four times that. */
  readonly numeric: readonly [number, number];
  /** The smaller h: the length of the step in input space. */
  readonly step: number;
}

/** How far gradient and central differences lie apart, relative to the root mean square of the slopes. */
export interface SlopeError {
  /** Of the gradient against the differences, at the step where it is smaller. */
  readonly error: number;
  /** Of the differences of the two steps against each other: what they themselves can be trusted to. */
  readonly referenceError: number;
}

/** What {@link checkGradient} found. */
export interface GradientCheck {
  readonly target: Target;
  readonly score: ScoreKind;
  readonly derivatives: readonly DirectionalDerivative[];
  /** Along the gradient. */
  readonly gradient: SlopeError;
  /** Along the random directions. */
  readonly random: SlopeError;
  /** Largest difference between a batch of two and the same images one by one, relative to the largest value. */
  readonly batch: { readonly logits: number; readonly gradient: number };
  readonly verdict: "pass" | "fail" | "inconclusive";
  /** One sentence for the user. */
  readonly reason: string;
}

/** Options of {@link checkGradient}. */
export interface GradientCheckOptions extends RunOptions {
  /** Random directions besides those along the gradient. Default 12: their root mean square is then known to about a fifth. */
  readonly directionCount?: number;
  readonly score?: ScoreKind;
}

/**
 * Errors that pass. Along the gradient the score changes fast, so that a step may be so short that it crosses hardly a kink:
 * 0.01 (measured 0.0005 to 0.003 on EfficientNet-Lite0). Along a random direction hardly anything happens and the step has
 * to be a thousand times longer: 0.15 (measured 0.02 to 0.05). A wrong or missing rule shows as 0.3 and more.
 */
const tolerances = { gradient: 0.01, random: 0.15 } as const;
/** Batches of any size must agree to what float32 sums in another order may differ by. */
const batchTolerance = 1e-3;
/** Directions along the gradient besides the gradient itself. */
const maskedCount = 3;
/** The shorter step changes the score by so many times its rounding error; more crosses more kinks, less drowns. */
const stepsOfNoise = 100;
/** Bounds of a step as root-mean-square change of a pixel (0..1): the resolution of float32, and a fortieth of a grey level. */
const shortestStep = 1e-7;
const longestStep = 1e-4;

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}

/** The vector at length 1; `undefined` if it has none (zero or not finite). */
function unit(vector: Tensor): Tensor | undefined {
  const length = Math.sqrt(dot(vector.data, vector.data));
  if (!(length > 0 && Number.isFinite(length))) return undefined;
  return { ...vector, data: vector.data.map((value) => value / length) };
}

function shifted(input: Tensor, direction: Tensor, step: number): Tensor {
  return { ...input, data: input.data.map((value, index) => value + step * (direction.data[index] ?? 0)) };
}

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / Math.max(1, values.length));
}

function differences(a: readonly number[], b: readonly number[]): readonly number[] {
  return a.map((value, index) => value - (b[index] ?? 0));
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

/** The gradient with some regions weighted more and others less: one slope alone could agree by chance. */
function masked(gradient: Tensor, pattern: Tensor, { normalization }: Model): Tensor {
  const scale = 0.5 * (normalization.std[0] ?? 1);
  return {
    ...gradient,
    data: gradient.data.map((value, index) => value * (1 + scale * (pattern.data[index] ?? 0))),
  };
}

/** What the slopes are measured with. */
interface Probe extends RunOptions {
  readonly model: Model;
  readonly input: Tensor;
  readonly gradient: Tensor;
  readonly target: Target;
  readonly score: ScoreKind;
  /** Rounding error of a score. */
  readonly noise: number;
}

/** Slopes along directions of one kind, which share a step because they share a typical slope. */
async function measure(
  probe: Probe,
  kind: DirectionalDerivative["kind"],
  directions: readonly Tensor[],
): Promise<readonly DirectionalDerivative[]> {
  const { model, input, gradient, target, score, signal } = probe;
  const slope = rootMeanSquare(directions.map((direction) => dot(gradient.data, direction.data)));
  const unitOfPixels = Math.sqrt(input.data.length) / (model.normalization.std[0] ?? 1);
  const wanted = slope > 0 ? (stepsOfNoise * probe.noise) / (2 * slope) : Infinity;
  const step = Math.min(longestStep * unitOfPixels, Math.max(shortestStep * unitOfPixels, wanted));
  const derivatives: DirectionalDerivative[] = [];
  for (const direction of directions) {
    throwIfAborted(signal);
    const images = [step, -step, 4 * step, -4 * step].map((length) => shifted(input, direction, length));
    const scores = await model.scores(concatBatch(images), target, score, { signal });
    // The step that float32 really made: the pixels of the shifted images are rounded, too.
    const made = images.map((image) => dot(image.data, direction.data));
    const at = (values: ArrayLike<number>, index: number): number => values[index] ?? Number.NaN;
    const numeric = (first: number): number =>
      (at(scores, first) - at(scores, first + 1)) / (at(made, first) - at(made, first + 1));
    derivatives.push({
      kind,
      analytic: dot(gradient.data, direction.data),
      numeric: [numeric(0), numeric(2)],
      step,
    });
  }
  return derivatives;
}

/** Relative errors of a group of slopes. Both sides set the scale, so that a gradient of zero everywhere is an error of 1. */
function slopeError(derivatives: readonly DirectionalDerivative[]): SlopeError {
  const analytic = derivatives.map((entry) => entry.analytic);
  const [short, long] = [
    derivatives.map(({ numeric }) => numeric[0]),
    derivatives.map(({ numeric }) => numeric[1]),
  ];
  const scale = Math.max(rootMeanSquare(analytic), Math.min(rootMeanSquare(short), rootMeanSquare(long)));
  const relative = (values: readonly number[]): number => (scale === 0 ? 0 : rootMeanSquare(values) / scale);
  return {
    error: Math.min(relative(differences(short, analytic)), relative(differences(long, analytic))),
    referenceError: relative(differences(short, long)),
  };
}

/** Compares a batch of two different images with the same images one by one. */
async function checkBatch(
  { model, input, target, score, signal }: Probe,
  direction: Tensor,
): Promise<GradientCheck["batch"]> {
  const request = { target, score, signal };
  const pair = [input, shifted(input, direction, 0.05 * Math.sqrt(input.data.length))];
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
  return { logits, gradient: gradients };
}

/** True if values are rounded to integers between the image and the score. */
function isStaircase({ operators }: Model): boolean {
  return [...(operators?.keys() ?? [])].some((operator) =>
    /^(QuantizeLinear|DynamicQuantize|QLinear|QGemm|QAttention)/.test(operator),
  );
}

/** True if neither the gradient nor the differences tell of a change of the score that is larger than its rounding error. */
function isDrowned({ analytic, numeric, step }: DirectionalDerivative, noise: number): boolean {
  const [short, long] = numeric.map(Math.abs);
  const changes = [2 * step * (short ?? 0), 8 * step * (long ?? 0)];
  return (
    analytic !== 0 && 8 * step * Math.abs(analytic) < noise && changes.every((change) => change < 4 * noise)
  );
}

/** Weighs the errors; see {@link checkGradient}. */
function judge({
  derivatives,
  gradient,
  random,
  batch,
  isQuantized,
  noise,
}: Omit<GradientCheck, "verdict" | "reason"> & {
  readonly isQuantized: boolean;
  readonly noise: number;
}): Pick<GradientCheck, "verdict" | "reason"> {
  const slopes = derivatives.flatMap(({ analytic, numeric }) => [analytic, ...numeric]);
  if (!slopes.every(Number.isFinite)) {
    return {
      verdict: "fail",
      reason:
        "The score or its gradient is not a finite number: look for NaN in the weights, or for an image out of range.",
    };
  }
  if (slopes.every((slope) => slope === 0)) {
    return {
      verdict: "inconclusive",
      reason:
        "The score does not change in any direction that was tried: it is constant here. Try another image or target.",
    };
  }
  if (Math.max(batch.logits, batch.gradient) > batchTolerance) {
    return {
      verdict: "fail",
      reason:
        "A batch of two gives other numbers than the same images one by one: the model mixes the images of a batch " +
        "(BatchNormalization in training mode, a Reshape across the batch). Export it in evaluation mode.",
    };
  }
  if (!isQuantized && derivatives.every((derivative) => isDrowned(derivative, noise))) {
    return {
      verdict: "inconclusive",
      reason:
        "The score hardly depends on the image: over the longest steps that could prove anything it changes by less than float32 " +
        "rounds it. Networks without trained weights are like that. Try another image or target.",
    };
  }
  if (isQuantized || derivatives.every(({ numeric }) => numeric.every((value) => value === 0))) {
    return {
      verdict: "inconclusive",
      reason:
        "The score does not change at all over steps that should show: it is a staircase (a quantised model, whose gradient " +
        "is that of the unrounded one), and differences prove nothing. Check the float model that it was made from.",
    };
  }
  const excess = [
    gradient.error > tolerances.gradient ? [gradient] : [],
    random.error > tolerances.random ? [random] : [],
  ].flat();
  if (excess.length === 0)
    return { verdict: "pass", reason: "The gradient agrees with the central differences." };
  // Differences that contradict each other by as much cannot convict the gradient.
  if (excess.every(({ error, referenceError }) => referenceError > error / 2)) {
    return {
      verdict: "inconclusive",
      reason:
        "The central differences disagree with each other: the score has kinks or jumps here (ReLU, max, rounding), " +
        "so they prove nothing. Try another image.",
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
 * A network of ReLUs is only piecewise linear, and a difference over a kink averages the slopes of both sides. So each step is
 * as short as the rounding of float32 allows for the slope along that direction, and the verdict rests on two numbers: an
 * error within the tolerance passes; a larger one fails only if the two step sizes agree with each other much better than
 * with the gradient; otherwise nothing is proven.
 * @param input `[1, C, H, W]` in input space.
 * @param random where the directions come from.
 */
export async function checkGradient(
  model: Model,
  input: Tensor,
  target: Target,
  random: RandomStream,
  { directionCount = 12, score = "logit", signal }: GradientCheckOptions = {},
): Promise<GradientCheck> {
  const { gradient, logits } = await model.gradient(input, { target, score, signal });
  if (gradient === undefined) throw new Error("Internal error: checkGradient: no gradient at the input");
  const largestLogit = logits.data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const probe: Probe = {
    model,
    input,
    gradient,
    target,
    score,
    signal,
    noise: 2 ** -23 * Math.max(largestLogit, 1e-3),
  };
  const patterns = Array.from({ length: directionCount }, () => smoothDirection(model, random));
  const randomDirections = patterns.map(unit).filter((direction) => direction !== undefined);
  const gradientDirections = [
    gradient,
    ...patterns.slice(0, maskedCount).map((pattern) => masked(gradient, pattern, model)),
  ];
  const alongGradient = await measure(
    probe,
    "gradient",
    gradientDirections.map(unit).filter((direction) => direction !== undefined),
  );
  const alongRandom = await measure(probe, "random", randomDirections);
  const measured = {
    target,
    score,
    derivatives: [...alongGradient, ...alongRandom],
    gradient: slopeError(alongGradient),
    random: slopeError(alongRandom),
    batch: await checkBatch(probe, randomDirections[0] ?? input),
  };
  return { ...measured, ...judge({ ...measured, isQuantized: isStaircase(model), noise: probe.noise }) };
}
