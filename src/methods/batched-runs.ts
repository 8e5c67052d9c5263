import { throwIfAborted } from "../errors.ts";
import type { Model, Program, ScoreKind, Target } from "../runtime/model.ts";
import type { AnyTensor, Tensor } from "../tensor/tensor.ts";
import type { MethodContext } from "./define-method.ts";
import { unlessStopped } from "./stoppable.ts";

/** A program to be run on many samples, of which only the scores are kept. */
export interface SampleRun {
  readonly model: Model;
  readonly program: Program;
  /** Samples in all. */
  readonly count: number;
  /** Feeds of the samples `start .. end - 1`. */
  readonly feeds: (start: number, end: number) => Readonly<Record<string, AnyTensor>>;
  /** Feeds that all samples share. */
  readonly shared: Readonly<Record<string, AnyTensor>>;
  readonly target: Target;
  readonly score: ScoreKind;
  /** Called for each batch, in order. Return `true` to end early. */
  readonly onBatch: (start: number, scores: Float64Array, logits: Tensor) => boolean | void;
  readonly signal: MethodContext<unknown>["signal"];
  /** Ends early, in the middle of a batch; the first one is always finished. */
  readonly stop: MethodContext<unknown>["stop"];
}

/**
 * Runs a program on a stream of samples, a batch at a time, so that memory does not grow with their number. Returns how
 * many were run.
 */
export async function runSamples(run: SampleRun): Promise<number> {
  const { model, program, count, shared, target, score, signal } = run;
  const batchSize = model.batchSize("forward");
  for (let start = 0; start < count; start += batchSize) {
    throwIfAborted(signal);
    if (start > 0 && run.stop?.aborted === true) return start;
    const end = Math.min(start + batchSize, count);
    const feeds = { batched: run.feeds(start, end), shared };
    const result = await unlessStopped(
      { signal, stop: start > 0 ? run.stop : undefined },
      (either) => model.run(program, feeds, { target, score, signal: either }),
      () => undefined,
    );
    if (result === undefined) return start;
    const { scores, logits } = result;
    if (run.onBatch(start, scores, logits) === true) return end;
  }
  return count;
}
