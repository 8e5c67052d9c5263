import { AbortedError } from "../errors.ts";
import { explain } from "../methods/explain.ts";
import type { Memo } from "../metrics/define-metric.ts";
import type { LoadedImage } from "../node.ts";
import type { Target } from "../runtime/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ChosenMethod, ExplainRun } from "./explain-run.ts";
import type { MethodExplanation, PictureStyle } from "./explanation-picture.ts";
import { createFrameRecorder, type FrameFiles, type FrameRecorder } from "./frame-recorder.ts";
import { evaluateMap, type MapEvaluation } from "./map-evaluation.ts";
import { outputName } from "./output-names.ts";

/** One class of one image. */
export interface ExplainedTarget {
  /** As it was named; `-` is standard input. */
  readonly image: string;
  readonly stem: string;
  readonly loaded: LoadedImage;
  readonly logits: Tensor;
  readonly target: Target;
  /** Shared by all maps of the image. */
  readonly imageMemo: Memo;
  /** Ends the work, besides what ends the whole run. */
  readonly signal: AbortSignal;
}

/** A map with what was written about it while it was made. */
export interface WatchedExplanation extends MethodExplanation {
  readonly film?: FrameFiles;
}

/** The colours that the command line asks for. */
export function pictureStyle({ colorMap, opacity }: ExplainRun["request"]): PictureStyle {
  return { ...(colorMap !== undefined && { colorMap }), ...(opacity !== undefined && { opacity }) };
}

/** The map of every method, one after the other. Fewer, or none, where the run was interrupted. */
export async function explainTarget(
  run: ExplainRun,
  job: ExplainedTarget,
): Promise<readonly WatchedExplanation[]> {
  const explanations: WatchedExplanation[] = [];
  for (const chosen of run.methods) {
    const explanation = await run.gate(() => explainOnce(run, job, chosen));
    if (explanation === undefined) break;
    explanations.push(explanation);
  }
  return explanations;
}

/** `undefined` where an interrupt came before there was a map. */
async function explainOnce(
  run: ExplainRun,
  job: ExplainedTarget,
  { method, params }: ChosenMethod,
): Promise<WatchedExplanation | undefined> {
  const { model, request, stopper, context } = run;
  const { stem, loaded, logits, target } = job;
  if (stopper.stop.aborted) return undefined;
  const part = run.joint.begin(`${stem}: ${method.name}`);
  const watched = stopper.begin();
  const frames = recorderFor(run, job, method);
  let isMade = false;
  try {
    const { map, record } = await explain({
      model,
      input: loaded.input,
      method,
      params,
      target,
      logits,
      seed: request.seed,
      imageKey: stem,
      signal: AbortSignal.any([job.signal, watched.signal]),
      stop: stopper.stop,
      ...(request.budget !== undefined && { budget: request.budget }),
      onProgress(progress) {
        watched.progress(progress);
        part.update(progress);
        frames?.progress(progress);
      },
    });
    watched.progress({ done: 1, total: 1, map: () => map });
    const evaluation = request.evaluate === true ? await evaluationOf(run, job, map) : undefined;
    const film = await frames?.finish(map);
    if (frames !== undefined && film === undefined && !run.output.quiet) {
      run.progress.clear();
      context.note(`--frames: ${method.name} has no intermediate maps.`);
    }
    isMade = true;
    return {
      map,
      record: { ...record, ...(evaluation !== undefined && { evaluation }) },
      method,
      ...(evaluation !== undefined && { evaluation }),
      ...(film !== undefined && { film }),
    };
  } catch (error) {
    if (error instanceof AbortedError && watched.signal.aborted) return undefined;
    throw error;
  } finally {
    part.end();
    watched.end(isMade);
  }
}

function recorderFor(
  run: ExplainRun,
  { stem, target, loaded }: ExplainedTarget,
  method: ChosenMethod["method"],
): FrameRecorder | undefined {
  if (run.request.frames !== true || run.directory === undefined) return undefined;
  const name = outputName(stem, [method.name], target);
  return createFrameRecorder(
    { folder: run.directory, name },
    loaded,
    method,
    pictureStyle(run.request),
    (folder) => run.context.onInterrupt(() => folder.discard()),
  );
}

/** `undefined` where it was interrupted: the map is worth writing without. */
async function evaluationOf(
  { model, request, stopper }: ExplainRun,
  { stem, loaded, target, imageMemo, signal }: ExplainedTarget,
  map: WatchedExplanation["map"],
): Promise<MapEvaluation | undefined> {
  try {
    return await evaluateMap({
      model,
      input: loaded.input,
      target,
      map,
      seed: request.seed,
      imageKey: stem,
      imageMemo,
      signal: AbortSignal.any([signal, stopper.stop]),
    });
  } catch (error) {
    if (error instanceof AbortedError && stopper.stop.aborted) return undefined;
    throw error;
  }
}
