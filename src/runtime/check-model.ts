import { UnsupportedOpError } from "../errors.ts";
import type { RandomStream } from "../random/random-stream.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkGradient, type GradientCheck, type GradientCheckOptions } from "./check-gradient.ts";
import type { FileScores } from "./file-scores.ts";
import type { GraphModel } from "./graph-model.ts";
import type { Model, Target } from "./model.ts";

/** What {@link checkModel} found: everything that an explanation of this model rests on. */
export interface ModelCheck {
  /** The explained scores against the file's own. */
  readonly scores: FileScores;
  /** Why images run one by one; absent where several share a run. */
  readonly oneByOne?: string;
  /** The gradient against differences, or why there is none. */
  readonly gradient: GradientCheck | { readonly problem: string };
  /** Milliseconds of a forward run, and of a forward and backward run, of one image: the shortest of five. */
  readonly elapsedMs: { readonly forward: number; readonly gradient?: number };
  readonly verdict: "pass" | "fail" | "inconclusive" | "forward-only";
  /** One sentence for the user. */
  readonly reason: string;
}

/** A model that can be compared with its file. */
export type CheckableModel = Model & Pick<GraphModel, "checkStack" | "compareWithFile" | "network" | "notes">;

/** Scores that are computed in float32 from weights of half precision may differ from the file's by this much. */
const halfTolerance = 0.05;
const tolerance = 1e-3;

/**
 * Checks all that explanations of a model rest on: that the explained scores are the file's own, that a batch gives what its
 * images give alone, and that the gradient agrees with differences of the score.
 *
 * @param input `[1, C, H, W]` in input space
 * @param random where the directions of the differences come from
 */
export async function checkModel(
  model: CheckableModel,
  input: Tensor,
  target: Target,
  random: RandomStream,
  options: GradientCheckOptions = {},
): Promise<ModelCheck> {
  // A file that takes integers can only be fed whole numbers.
  const whole = /^u?int/.test(model.network.input.type) ? rounded(input) : input;
  const scores = await model.compareWithFile(whole, await model.logits(whole, options));
  const oneByOne = await model.checkStack();
  const forward = await fastestMs(() => model.logits(input, options));
  const base = { scores, ...(oneByOne !== undefined && { oneByOne }) };
  const type = model.network.input.type;
  const allowed =
    type === "float16" || model.notes.some((note) => note.includes("float16")) ? halfTolerance : tolerance;
  const isOff = "difference" in scores && !(scores.difference <= allowed);
  const off = {
    verdict: "fail",
    reason: "The explained scores are not those of the file: please report this model.",
  } as const;
  let gradient: GradientCheck;
  try {
    gradient = await checkGradient(model, input, target, random, options);
  } catch (error) {
    if (!(error instanceof UnsupportedOpError)) throw error;
    const elapsedMs = { forward };
    const problem = { gradient: { problem: error.message }, elapsedMs };
    return isOff
      ? { ...base, ...problem, ...off }
      : { ...base, ...problem, verdict: "forward-only", reason: error.message };
  }
  const both = await fastestMs(() => model.gradient(input, { target }));
  const found = { ...base, gradient, elapsedMs: { forward, gradient: both } };
  return isOff ? { ...found, ...off } : { ...found, verdict: gradient.verdict, reason: gradient.reason };
}

function rounded(image: Tensor): Tensor {
  return { ...image, data: image.data.map((value) => Math.round(Math.max(0, value))) };
}

/** The shortest of five runs: what else the machine does only adds to the time. */
async function fastestMs(run: () => Promise<unknown>): Promise<number> {
  let fastest = Infinity;
  for (let count = 0; count < 5; count++) {
    const start = performance.now();
    await run();
    fastest = Math.min(fastest, performance.now() - start);
  }
  return fastest;
}
