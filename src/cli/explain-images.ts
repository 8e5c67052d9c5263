import { DataError, ParameterError } from "../errors.ts";
import type { Method } from "../methods/define-method.ts";
import type { LoadedImage, LoadModelOptions, NodeModel } from "../node.ts";
import type { Target } from "../runtime/model.ts";
import type { CliContext } from "./cli-context.ts";
import type { ExplainRequest } from "./explain-request.ts";
import type { MethodExplanation } from "./explanation-picture.ts";
import { completeRecord, summarize } from "./explanation-record.ts";
import { assignParameters } from "./method-parameters.ts";
import { OutputDirectory } from "./output-directory.ts";
import { outputName, outputStems } from "./output-names.ts";
import { createProgressBar, type ProgressBar } from "./progress.ts";

/** How results are reported. */
export interface ExplainOutput {
  /** Print records as JSON lines, and nothing else on standard output. */
  readonly json: boolean;
  readonly quiet: boolean;
}

/** A method with its checked parameters. */
interface ChosenMethod {
  readonly method: Method;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What stays the same for all images of a run. */
interface Run {
  readonly request: ExplainRequest;
  readonly output: ExplainOutput;
  readonly context: CliContext;
  readonly model: NodeModel;
  readonly methods: readonly ChosenMethod[];
  readonly directory: OutputDirectory | undefined;
  readonly progress: ProgressBar;
}

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
  await directory?.prepare();
  progress.start("loading the model");
  const { loadModel } = await import("../node.ts");
  const model = await loadModel(request.model, modelOptions(request)).finally(() => progress.clear());
  try {
    await explainEach({ request, output, context, model, methods, directory, progress });
  } finally {
    progress.clear();
    await model.close();
  }
}

async function chooseMethods(request: ExplainRequest): Promise<readonly ChosenMethod[]> {
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
}: ExplainRequest): LoadModelOptions {
  return {
    ...(labels !== undefined && { labels }),
    ...(preprocess !== undefined && { preprocess }),
    ...(resize !== undefined && { resize }),
    ...(layer !== undefined && { layer }),
    ...(threads !== undefined && { threads }),
    ...(device !== undefined && { device }),
  };
}

/** One bad image among many is reported and the others go on; if it is the only one, its error is the command's. */
async function explainEach(run: Run): Promise<void> {
  const { images } = run.request;
  const stems = outputStems(images);
  const { describeError } = await import("./report-error.ts");
  let failureCount = 0;
  for (const [index, image] of images.entries()) {
    try {
      await explainImage(run, image, stems[index] ?? image);
    } catch (error) {
      if (images.length === 1 || !(error instanceof DataError) || run.context.signal.aborted) throw error;
      run.progress.clear();
      run.context.note(describeError(error, false) ?? "");
      failureCount++;
    }
  }
  if (failureCount > 0)
    throw new DataError(
      `${failureCount} of ${images.length} images could not be explained, see above. The others were.`,
    );
}

async function explainImage(run: Run, image: string, stem: string): Promise<void> {
  const { model, request, context } = run;
  const { loadImage } = await import("../node.ts");
  const { readStdin } = await import("./read-stdin.ts");
  const loaded = await loadImage(image === "-" ? await readStdin() : image, model);
  const logits = await model.logits(loaded.input, { signal: context.signal });
  const { resolveTargets } = await import("../methods/target.ts");
  const targets = request.targets
    .flatMap((text) => splitTargets(text, model.labels))
    .flatMap((text) =>
      resolveTargets(text, { logits: logits.data, labels: model.labels, outputCount: model.outputCount }),
    );
  const distinct = [
    ...new Map(targets.map((target) => [`${target.index},${target.minus}`, target])).values(),
  ];
  if (run.directory === undefined && (distinct.length > 1 || request.images.length > 1)) {
    throw new ParameterError(
      "--out -: expected one picture, that is one image and one target, got several. Name a folder instead.",
    );
  }
  for (const target of distinct) {
    const explanations: MethodExplanation[] = [];
    const { explain } = await import("../methods/explain.ts");
    for (const { method, params } of run.methods) {
      run.progress.start(`${stem}: ${method.name}`);
      const explanation = await explain({
        model,
        input: loaded.input,
        method,
        params,
        target,
        logits,
        seed: request.seed,
        imageKey: stem,
        signal: context.signal,
        onProgress: ({ done, total, objective }) =>
          run.progress.update(
            done,
            total,
            objective === undefined ? "" : `objective ${objective.toPrecision(4)}`,
          ),
      });
      explanations.push({ ...explanation, method });
    }
    await writeResults(run, { image, stem, loaded, target, explanations });
  }
}

/** `tabby, tabby cat` is one class if a label says so, else a list. */
function splitTargets(text: string, labels: readonly string[] | undefined): readonly string[] {
  const isLabel = labels?.some((label) => label.toLowerCase() === text.trim().toLowerCase()) === true;
  return isLabel ? [text] : text.split(",").filter((part) => part.trim() !== "");
}

interface Results {
  readonly image: string;
  readonly stem: string;
  readonly loaded: LoadedImage;
  readonly target: Target;
  readonly explanations: readonly MethodExplanation[];
}

async function writeResults(run: Run, results: Results): Promise<void> {
  const { directory, context, output, progress } = run;
  const { stem, target, explanations } = results;
  const { drawExplanations } = await import("./explanation-picture.ts");
  const { encodeImage } = await import("../image/encode-node.ts");
  const { colorMap, opacity } = run.request;
  const style = { ...(colorMap !== undefined && { colorMap }), ...(opacity !== undefined && { opacity }) };
  const picture = drawExplanations(results.loaded, explanations, style);
  const png = await encodeImage(picture, "png");
  progress.clear();
  if (directory === undefined) {
    process.stdout.write(png);
    return;
  }
  const picturePath = await directory.write(
    `${outputName(
      stem,
      explanations.map(({ record }) => record.method),
      target,
    )}.png`,
    png,
  );
  const { writeNpy } = await import("../tensor/npy.ts");
  for (const { map, record } of explanations) {
    const name = outputName(stem, [record.method], target);
    const mapPath = await directory.write(
      `${name}.npy`,
      writeNpy({ type: "float32", dims: [map.height, map.width], data: map.values }),
    );
    const files = { picture: picturePath, map: mapPath, record: `${mapPath.slice(0, -".npy".length)}.json` };
    const complete = completeRecord(run.model, results.image, record, files);
    await directory.write(`${name}.json`, `${JSON.stringify(complete, undefined, 2)}\n`);
    if (output.json) context.print(JSON.stringify(complete));
  }
  if (output.json || output.quiet) return;
  const records = explanations.map(({ record }) => record);
  for (const line of summarize(results.image, records, picturePath)) context.print(line);
}
