import { ParameterError, ShapeError, throwIfAborted } from "../errors.ts";
import { spatialDims } from "../image/extent.ts";
import type { DegenerateReason, SaliencyMap } from "../image/saliency-map.ts";
import { randomStream } from "../random/random-stream.ts";
import {
  imageDims,
  probabilities,
  type EvaluationCounts,
  type Model,
  type Target,
} from "../runtime/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { countedModel } from "./counted-model.ts";
import { firstNonFinite } from "../runtime/first-non-finite.ts";
import type { Method, MethodProgress } from "./define-method.ts";
import { explanationNotes } from "./explanation-notes.ts";
import { findMethod } from "./index.ts";
import { parseParams } from "./parameters.ts";
import { volumeProblem } from "./volumes.ts";
import { checkedIndex, resolveTarget } from "./target.ts";

/** What {@link explain} is asked. */
export interface ExplainRequest {
  readonly model: Model;
  /** `[1, C, H, W]`, of a volume `[1, C, D, H, W]`, of a signal also `[1, C, L]`; in input space (normalised). */
  readonly input: Tensor;
  /** An id, or a method object: one's own, or one made by a combinator. */
  readonly method: string | Method;
  /** A class index, a text that `resolveTarget` understands, or a target. Default `top1`, the predicted class. */
  readonly target?: number | string | Target;
  /** Parameters of the method; what is left out has its default. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** Seed of everything random. Default 0. */
  readonly seed?: number;
  /** Names the image in the random streams, so that a run over many images draws other numbers for each. Default `""`. */
  readonly imageKey?: string;
  /** Logits `[1, K]` of the input if they are known already; saves the forward pass that names the class. */
  readonly logits?: Tensor;
  /** Stops the work with an `AbortedError`. */
  readonly signal?: AbortSignal | undefined;
  /** Finishes early with the best map so far; for methods that iterate or sample. */
  readonly stop?: AbortSignal | undefined;
  /** Finishes early, as `stop`, after so many seconds or evaluations. */
  readonly budget?: Budget;
  readonly onProgress?: ((progress: MethodProgress) => void) | undefined;
}

/** What may be spent; methods look at it between batches. */
export interface Budget {
  readonly seconds?: number;
  /** Forward passes plus forward and backward passes, each of one image. */
  readonly evaluations?: number;
}

/** A class with its name. */
export interface LabelledClass {
  readonly index: number;
  readonly label?: string;
}

/** How a map came about, as plain JSON. */
export interface ExplanationRecord {
  readonly method: string;
  /** All parameters, defaults included. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly target: LabelledClass & { readonly minus?: LabelledClass };
  /** Of the target on the input; of a contrast the difference. */
  readonly score: { readonly logit: number; readonly probability: number };
  /** Of the map: `[H, W]`, of a volume `[D, H, W]`. */
  readonly shape: readonly number[];
  /** Target layer of an activation method. */
  readonly layer?: string;
  readonly seed: number;
  /** Evaluations that the method made, in images (without the forward pass that names the class). */
  readonly counts: EvaluationCounts;
  readonly elapsedMs: number;
  readonly degenerate?: DegenerateReason;
  /** What to know of the model and of what was explained, a sentence each; see {@link explanationNotes}. */
  readonly notes?: readonly string[];
  /** Set where a budget or `stop` ended the method early. */
  readonly unfinished?: { readonly done: number; readonly total: number };
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A map and how it came about. */
export interface Explanation {
  readonly map: SaliencyMap;
  readonly record: ExplanationRecord;
}

/**
 * Explains one decision: the saliency map of a class on an image, with a record of how it was made.
 * @throws `ParameterError` for an unknown method, class or parameter; `ShapeError` for an input that does not fit.
 * @example
 * const { map, record } = await explain({ model, input, method: "grad-cam" });
 */
export async function explain(request: ExplainRequest): Promise<Explanation> {
  const { seed = 0, imageKey = "", signal } = request;
  const model = countedModel(request.model);
  const input = asImage(model, request.input);
  const method = typeof request.method === "string" ? findMethod(request.method) : request.method;
  const params = parseParams(method, request.params ?? {});
  checkInput(model, input);
  const refusal = volumeProblem(method, model);
  if (refusal !== undefined) throw new ParameterError(`method: ${method.name} does not fit. ${refusal}`);
  throwIfAborted(signal);
  const logits = request.logits ?? (await model.logits(input, { signal }));
  const target = targetOf(request.target ?? "top1", model, logits);

  const before = model.counts;
  const started = performance.now();
  const spent = (): EvaluationCounts => ({
    forward: model.counts.forward - before.forward,
    gradient: model.counts.gradient - before.gradient,
  });
  const limit = limiter(request, spent);
  let last: MethodProgress | undefined;
  let map: SaliencyMap;
  try {
    map = await method.explain({
      model,
      input,
      target,
      params,
      random: (...keys) => randomStream(seed, imageKey, method.randomName ?? method.name, ...keys),
      signal,
      stop: limit.signal,
      report(progress) {
        last = progress;
        limit.check();
        request.onProgress?.(progress);
      },
    });
  } finally {
    limit.dispose();
  }
  const { layer, ...details } = map.details ?? {};
  const degenerate = await located(map.degenerate ?? nonFinite(map), request.model, input);
  const score = scoreOf(target, logits, model);
  const notes = explanationNotes({ model, params, probability: score.probability });
  return {
    map: degenerate === undefined ? map : { ...map, degenerate },
    record: {
      method: method.name,
      params,
      target: labelled(target, model.labels),
      score,
      shape: spatialDims(map),
      ...(typeof layer === "string" && { layer }),
      seed,
      counts: spent(),
      elapsedMs: performance.now() - started,
      ...(degenerate && { degenerate }),
      ...(notes.length > 0 && { notes }),
      ...(limit.signal.aborted &&
        last !== undefined &&
        last.done < last.total &&
        // An optimiser that had converged just then.
        details["finished"] !== true && { unfinished: { done: last.done, total: last.total } }),
      ...(Object.keys(details).length > 0 && { details }),
    },
  };
}

/** A signal `[1, C, L]` as the image of height 1 that its model takes. */
function asImage({ depth, height }: Model, input: Tensor): Tensor {
  const [batch = 1, channels = 1, length = 1] = input.dims;
  const isSignal = depth === undefined && height === 1 && input.dims.length === 3;
  return isSignal ? { ...input, dims: [batch, channels, 1, length] } : input;
}

function checkInput(model: Model, input: Tensor): void {
  const expected = [1, ...imageDims(model)];
  if (input.dims.length === expected.length && expected.every((size, axis) => size === input.dims[axis]))
    return;
  throw new ShapeError(
    `input: expected [${expected.join(", ")}], got [${input.dims.join(", ")}]. Prepare the image for this model, and explain images one at a time.`,
  );
}

function targetOf(target: number | string | Target, model: Model, logits: Tensor): Target {
  if (typeof target === "string")
    return resolveTarget(target, {
      logits: logits.data,
      labels: model.labels,
      outputCount: model.outputCount,
    });
  const { index, minus } = typeof target === "number" ? { index: target } : target;
  checkedIndex(index, logits.data.length);
  if (minus === undefined) return { index };
  if (minus === index)
    throw new ParameterError(
      `target: expected two classes to compare, got ${index} twice. Leave out minus to explain one class.`,
    );
  return { index, minus: checkedIndex(minus, logits.data.length) };
}

function labelled(
  { index, minus }: Target,
  labels: readonly string[] | undefined,
): ExplanationRecord["target"] {
  const named = (of: number): LabelledClass => ({
    index: of,
    ...(labels?.[of] !== undefined && { label: labels[of] }),
  });
  return { ...named(index), ...(minus !== undefined && { minus: named(minus) }) };
}

function scoreOf({ index, minus }: Target, logits: Tensor, model: Model): ExplanationRecord["score"] {
  const difference = (values: ArrayLike<number>): number =>
    (values[index] ?? 0) - (minus === undefined ? 0 : (values[minus] ?? 0));
  return {
    logit: difference(logits.data),
    probability: difference(probabilities(logits.data, model.probabilityKind)),
  };
}

/** Says where values that are not finite come from. */
async function located(
  reason: DegenerateReason | undefined,
  model: Model,
  input: Tensor,
): Promise<DegenerateReason | undefined> {
  if (reason?.code !== "non-finite") return reason;
  try {
    const node = await firstNonFinite(model, input);
    const where =
      node === undefined
        ? "All values of the forward pass are finite, so the gradients overflow."
        : `The first is ${node}.`;
    return { ...reason, message: `${reason.message} ${where}` };
  } catch {
    // Looking for the place must not hide the finding.
    return reason;
  }
}

function nonFinite(map: SaliencyMap): DegenerateReason | undefined {
  const at = map.values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return undefined;
  const row = Math.floor(at / map.width);
  const slice = map.depth === undefined ? "" : `, slice ${Math.floor(row / map.height)}`;
  const message = `The map is not finite at pixel ${at % map.width}, ${row % map.height}${slice}: the network overflows on this image. Check the preprocessing.`;
  return { code: "non-finite", message };
}

/** A signal that fires when the caller's `stop` does or the budget is spent. */
function limiter(
  { stop, budget }: ExplainRequest,
  spent: () => EvaluationCounts,
): { signal: AbortSignal; check(): void; dispose(): void } {
  const controller = new AbortController();
  const fire = (): void => controller.abort();
  if (stop?.aborted === true) fire();
  stop?.addEventListener("abort", fire);
  const deadline = budget?.seconds === undefined ? Infinity : performance.now() + budget.seconds * 1000;
  return {
    signal: controller.signal,
    check() {
      const { forward, gradient } = spent();
      if (performance.now() >= deadline || forward + gradient >= (budget?.evaluations ?? Infinity)) fire();
    },
    dispose: () => stop?.removeEventListener("abort", fire),
  };
}
