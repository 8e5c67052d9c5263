import { AbortedError, DataError, ParameterError } from "../errors.ts";
import type { LoadModelOptions } from "../node.ts";
import type { CliContext } from "./cli-context.ts";
import { networkOptions } from "./feed-option.ts";
import type { ExplainRequest } from "./explain-request.ts";
import { explanationsAtOnce, type ExplainOutput, type ExplainRun } from "./explain-run.ts";
import { createGate, inOrder } from "./in-order.ts";
import { createJointProgress } from "./joint-progress.ts";
import { assignParameters } from "./method-parameters.ts";
import { OutputDirectory } from "./output-directory.ts";
import { outputStems } from "./output-names.ts";
import { createProgressBar } from "./progress.ts";
import { createStopper } from "./stopper.ts";

/** Explains every image of a request and writes the results. */
export async function explainImages(
  request: ExplainRequest,
  output: ExplainOutput,
  context: CliContext,
): Promise<void> {
  // All that can be wrong with the request is found before the first second of computing.
  const methods = await chooseMethods(request);
  const directory = request.out === "-" ? undefined : new OutputDirectory(request.out);
  const progress = createProgressBar(process.stderr, !output.quiet);
  context.onInterrupt(() => {
    directory?.discard();
    progress.clear();
  });
  const stopper = createStopper();
  context.onFirstInterrupt(() => {
    const isWorthWaiting = stopper.request();
    if (isWorthWaiting && !output.quiet) {
      progress.clear();
      context.note("Stopping: what there is will be written. Ctrl-C once more ends at once.");
    }
    return isWorthWaiting;
  });
  await directory?.prepare();
  progress.start("loading the model");
  const { loadModel } = await import("../node.ts");
  const model = await loadModel(request.model, modelOptions(request)).finally(() => progress.clear());
  try {
    if (model.depth !== undefined && (request.frames === true || request.evaluate === true)) {
      throw new ParameterError(
        `--${request.frames === true ? "frames" : "evaluate"}: expected a model of images, got one of volumes. Leave it out.`,
      );
    }
    const width = explanationsAtOnce(methods, request.budget);
    const [joint, gate] = [createJointProgress(progress), createGate(width)];
    await explainEach({
      request,
      output,
      context,
      model,
      methods,
      directory,
      progress,
      joint,
      stopper,
      gate,
      width,
    });
  } finally {
    progress.clear();
    await model.close();
  }
}

async function chooseMethods(request: ExplainRequest): Promise<ExplainRun["methods"]> {
  const { findMethod } = await import("../methods/index.ts");
  const { parseTextParams } = await import("../methods/parameters.ts");
  const methods = [...new Set(request.methods)].map(findMethod);
  const texts = assignParameters(request.parameters, methods);
  return methods.map((method) => ({ method, params: parseTextParams(method, texts.get(method.name) ?? {}) }));
}

function modelOptions({
  labels,
  preprocess,
  resize,
  layer,
  threads,
  device,
  ...choice
}: ExplainRequest): LoadModelOptions {
  return {
    ...networkOptions(choice),
    ...(labels !== undefined && { labels }),
    ...(preprocess !== undefined && { preprocess }),
    ...(resize !== undefined && { resize }),
    ...(layer !== undefined && { layer }),
    ...(threads !== undefined && { threads }),
    ...(device !== undefined && { device }),
  };
}

/** One bad image among many is reported and the others go on; if it is the only one, its error is the command's. */
async function explainEach(run: ExplainRun): Promise<void> {
  const { context, joint, methods, progress, stopper } = run;
  const { images } = run.request;
  const stems = outputStems(images);
  const { describeError } = await import("./report-error.ts");
  const cancel = new AbortController();
  const signal = AbortSignal.any([context.signal, cancel.signal]);
  let failureCount = 0;
  if (run.width > 1) joint.expect(images.length * methods.length);
  await inOrder(
    images.length,
    run.width,
    async (index, turn) => {
      if (stopper.stop.aborted) return;
      const image = images[index] ?? "";
      try {
        await explainImage(run, { image, stem: stems[index] ?? image, turn, signal });
      } catch (error) {
        if (images.length === 1 || !(error instanceof DataError) || signal.aborted) throw error;
        if (run.width > 1) joint.expect(-methods.length);
        await turn;
        progress.clear();
        context.note(describeError(error, false) ?? "");
        failureCount++;
      }
    },
    () => cancel.abort(),
  );
  if (stopper.stop.aborted)
    throw new AbortedError("Interrupted. What there was has been written, marked as unfinished.");
  if (failureCount > 0)
    throw new DataError(
      `${failureCount} of ${images.length} images could not be explained, see above. The others were.`,
    );
}

/** Explains the classes of one image, several at once where that helps; `turn` says when its results may be written. */
async function explainImage(
  run: ExplainRun,
  { image, stem, turn, signal }: { image: string; stem: string; turn: Promise<void>; signal: AbortSignal },
): Promise<void> {
  const { model, request, stopper, methods } = run;
  const { loadImage } = await import("../node.ts");
  const { readStdin } = await import("./read-stdin.ts");
  const loaded = await loadImage(image === "-" ? await readStdin() : image, model);
  const logits = await model.logits(loaded.input, { signal });
  const { resolveTargets } = await import("../methods/target.ts");
  const targets = request.targets
    .flatMap((text) => splitTargets(text, model.labels))
    .flatMap((text) => resolveTargets(text, { logits: logits.data, labels: model.labels }));
  const distinct = [
    ...new Map(targets.map((target) => [`${target.index},${target.minus}`, target])).values(),
  ];
  if (run.directory === undefined && (distinct.length > 1 || request.images.length > 1)) {
    throw new ParameterError(
      "--out -: expected one picture, that is one image and one target, got several. Name a folder instead.",
    );
  }
  if (run.width > 1) run.joint.expect((distinct.length - 1) * methods.length);
  const { explainTarget } = await import("./explain-target.ts");
  const { writeResults } = await import("./write-results.ts");
  const { createMemo } = await import("../metrics/define-metric.ts");
  const imageMemo = createMemo();
  const cancel = new AbortController();
  const either = AbortSignal.any([signal, cancel.signal]);
  await inOrder(
    distinct.length,
    run.width,
    async (index, turnOfTarget) => {
      const target = distinct[index];
      if (target === undefined || stopper.stop.aborted) return;
      const job = { image, stem, loaded, logits, target, imageMemo, signal: either };
      const explanations = await explainTarget(run, job);
      if (explanations.length === 0) return;
      await turn;
      await turnOfTarget;
      await writeResults(run, job, explanations);
      stopper.written(explanations.length);
    },
    () => cancel.abort(),
  );
}

/** `tabby, tabby cat` is one class if a label says so, else a list. */
function splitTargets(text: string, labels: readonly string[] | undefined): readonly string[] {
  const isLabel = labels?.some((label) => label.toLowerCase() === text.trim().toLowerCase()) === true;
  return isLabel ? [text] : text.split(",").filter((part) => part.trim() !== "");
}
