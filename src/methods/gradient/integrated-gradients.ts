import { z } from "zod";
import { assert, throwIfAborted } from "../../errors.ts";
import type { Normalization } from "../../image/normalize.ts";
import type { RandomStream } from "../../random/random-stream.ts";
import {
  imageDims,
  type Model,
  type ProgramResult,
  type ScoreKind,
  type Target,
} from "../../runtime/model.ts";
import { pathProgram } from "../../runtime/path-input.ts";
import { concatBatch, tensor, type Tensor } from "../../tensor/tensor.ts";
import { filledImage, fills, pixelImage, type Fill } from "../baseline.ts";
import { defineMethod } from "../define-method.ts";
import { scoreParameter } from "./attribution.ts";
import { attributionMap, reduceParameter } from "./channel-reduction.ts";
import { quadrature, quadratureRules, type QuadratureRule } from "./quadrature.ts";

/** What {@link integrateGradients} needs. */
export interface PathRequest {
  readonly model: Model;
  /** `[1, C, H, W]` in input space. */
  readonly input: Tensor;
  /** Where the straight path begins, `[1, C, H, W]` in input space. */
  readonly baseline: Tensor;
  readonly target: Target;
  readonly score: ScoreKind;
  readonly rule: QuadratureRule;
  /** Points on the path. */
  readonly steps: number;
  readonly signal?: AbortSignal | undefined;
  /** Called after each batch with the points done so far. */
  readonly onStep?: (done: number) => void;
}

/**
 * Integrated gradients along the straight path from a baseline b to x:
 * R_i = (x_i - b_i) sum_s w_s d score / dx_i at b + alpha_s (x - b). Float64, `[C, H, W]`; `steps` forward and backward passes.
 * The sum over the path is multiplied with x - b once, so the result does not depend on the batches.
 */
export async function integrateGradients(request: PathRequest): Promise<Float64Array> {
  const { model, input, baseline, target, score, signal } = request;
  const { points, weights } = quadrature(request.rule, request.steps);
  const batchSize = model.batchSize("gradient");
  const program = pathProgram(model);
  const shared = { baseline, end: input };
  const run = (start: number): Promise<ProgramResult> => {
    const batch = points.slice(start, start + batchSize);
    const position = tensor(batch, [batch.length, ...imageDims(model).map(() => 1)]);
    const result = model.run(program, { batched: { position }, shared }, { target, score, signal });
    // Waited for in its turn; until then, a failure is not unhandled.
    result.catch(() => undefined);
    return result;
  };
  const sum = new Float64Array(input.data.length);
  let next = run(0);
  for (let start = 0; start < points.length; start += batchSize) {
    throwIfAborted(signal);
    const { outputs } = await next;
    const end = Math.min(start + batchSize, points.length);
    // The network has work while the sum is formed.
    if (end < points.length) next = run(end);
    const gradients = outputs["gradient:image"];
    assert(gradients !== undefined, "the gradient at the points of the path was asked for");
    addWeighted(sum, gradients.data, weights.slice(start, end));
    request.onStep?.(end);
  }
  for (let element = 0; element < sum.length; element++)
    sum[element]! *= input.data[element]! - baseline.data[element]!;
  return sum;
}

/** Adds rows of the sum's length, each times its weight, in their order. */
function addWeighted(sum: Float64Array, rows: Float32Array, weights: readonly number[]): void {
  for (const [index, weight] of weights.entries()) {
    const offset = index * sum.length;
    for (let element = 0; element < sum.length; element++) sum[element]! += weight * rows[offset + element]!;
  }
}

/** How far an attribution is from summing to the difference of the scores. */
export interface Completeness {
  /** sum R - (score(x) - score(b)), averaged over the baselines. */
  readonly residual: number;
  /** |residual| / |score(x) - score(b)|; `null` where the scores are equal. */
  readonly relativeResidual: number | null;
}

/**
 * Integrated gradients. Reference rules: Gauss-Legendre as `pytorch/captum`, `pair` as `PAIR-code/saliency`. The baseline
 * is black in pixel space by default; several baselines are averaged. `details.completeness` says how exact the sum is,
 * and `details.warnings` has a warning if it is more than 10 % off.
 */
export const integratedGradients = defineMethod({
  name: "integrated-gradients",
  title: "Integrated gradients",
  family: "gradient",
  needs: "gradients",
  explainsVolumes: true,
  paper: { authors: "Sundararajan et al.", year: 2017, url: "https://arxiv.org/abs/1703.01365" },
  summary:
    "Gradients summed along the way from a baseline image; the values add up to the change of the score.",
  params: z.strictObject({
    steps: z
      .int()
      .min(1)
      .max(500)
      .default(50)
      .describe("points on the path; 50 keeps the residual of a typical network below 5 %"),
    rule: z
      .enum(quadratureRules)
      .default("gauss-legendre")
      .describe("quadrature rule; Gauss-Legendre is the most exact for a given number of points"),
    baseline: z
      .enum([...fills, "black-and-white", "noise"])
      .default("black")
      .describe(
        "where the path begins; black in pixel space, the usual meaning of 'no image'. black-and-white is the mean of both, noise is uniform in pixel space",
      ),
    score: scoreParameter,
    reduce: reduceParameter(
      "sum",
      "the signed sum, so that the values still add up to the change of the score",
    ),
  }),
  cost: ({ steps, baseline }) => {
    const baselines = baseline === "black-and-white" ? 2 : 1;
    return { f: 1 + baselines, fb: steps * baselines };
  },
  async explain({ model, input, target, params, signal, report, random }) {
    const { steps, rule, score } = params;
    const baselines = baselineImages(params.baseline, input, model.normalization, random("baseline"));
    const total = steps * baselines.length;
    const sum = new Float64Array(input.data.length);
    for (const [index, baseline] of baselines.entries()) {
      const onStep = (done: number): void => report({ done: index * steps + done, total });
      const attribution = await integrateGradients({
        model,
        input,
        baseline,
        target,
        score,
        rule,
        steps,
        signal,
        onStep,
      });
      attribution.forEach(
        (value, element) => (sum[element] = (sum[element] ?? 0) + value / baselines.length),
      );
    }
    const scores = await model.scores(concatBatch([input, ...baselines]), target, score, { signal });
    const shape = imageDims(model);
    return attributionMap(sum, shape, params.reduce, completeness(sum, scores));
  },
});

function baselineImages(
  name: Fill | "black-and-white" | "noise",
  input: Tensor,
  normalization: Normalization,
  random: RandomStream,
): readonly Tensor[] {
  if (name === "noise") return [pixelImage(input.dims, normalization, () => random.uniform())];
  const names: readonly Fill[] = name === "black-and-white" ? ["black", "white"] : [name];
  return names.map((fill) => filledImage(fill, input, normalization));
}

function completeness(
  attribution: Float64Array,
  [full = 0, ...baselines]: Float64Array,
): { readonly completeness: Completeness; readonly warnings?: readonly string[] } {
  const change = full - baselines.reduce((sum, value) => sum + value, 0) / baselines.length;
  const residual = attribution.reduce((sum, value) => sum + value, 0) - change;
  const relativeResidual = change === 0 ? null : Math.abs(residual / change);
  const result = { completeness: { residual, relativeResidual } };
  if (relativeResidual !== null && relativeResidual <= 0.1) return result;
  const found =
    relativeResidual === null
      ? "image and baseline have the same score"
      : `the sum misses the change of the score by ${(100 * relativeResidual).toFixed(1)} %`;
  return {
    ...result,
    warnings: [
      `Not complete: ${found}. Use more steps, rule=gauss-legendre, score=logit or another baseline.`,
    ],
  };
}
