import { Command } from "@commander-js/extra-typings";
import { ParameterError } from "../../errors.ts";
import type { CliContext } from "../cli-context.ts";
import { integerOption } from "../option-parsers.ts";

/** `onnx-saliency finetune`: a classifier with a new last layer, such as the paper's multi-label COCO network. */
export function finetuneCommand(context: CliContext) {
  return new Command("finetune")
    .description(
      "trains a new last layer with binary cross-entropy on the features of a classifier, into a new ONNX file",
    )
    .argument("[MODEL.onnx]", "the classifier (default: the embedded one)")
    .requiredOption(
      "--dataset <KIND:PATH>",
      "training images with classes: coco:IMAGES,ANNOTATIONS.json or imagenet:DIR",
    )
    .option("--validation <KIND:PATH>", "validation images (default: a tenth of the training images)")
    .requiredOption("--out <NEW.onnx>", "the new model; labels and preprocessing are written beside it")
    .option("--work <DIR>", "folder of cached features and of the training's state (default: NEW.finetune)")
    .option("--epochs <N>", "passes over the images, at most", integerOption(1), 200)
    .option("--batch <N>", "images a step", integerOption(1), 64)
    .option("--learning-rate <X>", "of Adam", "0.001")
    .option("--patience <N>", "epochs without a better validation loss before it stops", integerOption(1), 10)
    .option("--limit <N>", "only the first N training images of a seeded shuffle", integerOption(2))
    .option("--resize <MODE>", "stretch (default, as in the paper), crop or letterbox", "stretch")
    .option("--preprocess <PRESET|FILE>", "as for explain")
    .option("--seed <N>", "seed of the order of images", integerOption(0, 2 ** 32 - 1), 0)
    .option("--threads <N>", "processor threads", integerOption(1, 1024))
    .option("--quiet", "no progress")
    .option("--verbose", "print the stack of an error")
    .action(async (modelPath, options) => {
      const { loadModel } = await import("../../node.ts");
      const { openDataset } = await import("../../datasets/open-dataset-node.ts");
      const { plannedImages } = await import("../../evaluation/evaluation-plan.ts");
      const { finetune } = await import("../../evaluation/finetune/finetune.ts");
      const { NodeRuntime } = await import("../../runtime/session-node.ts");
      const { createProgressBar } = await import("../progress.ts");
      const { resize } = options;
      if (resize !== "stretch" && resize !== "crop" && resize !== "letterbox") {
        throw new ParameterError(`resize: expected stretch, crop or letterbox, got '${resize}'.`);
      }
      const learningRate = Number(options.learningRate);
      if (!(learningRate > 0))
        throw new ParameterError(`learning-rate: expected a number above 0, got '${options.learningRate}'.`);
      const training = openDataset(options.dataset, options.seed);
      const validation =
        options.validation === undefined ? undefined : openDataset(options.validation, options.seed);
      const threads = options.threads === undefined ? {} : { threads: options.threads };
      const model = await loadModel(modelPath, {
        ...threads,
        resize,
        ...(options.preprocess !== undefined && { preprocess: options.preprocess }),
      });
      const runtime = new NodeRuntime(threads);
      const bar = createProgressBar(process.stderr, options.quiet !== true);
      try {
        const history = await finetune({
          model,
          training,
          trainingIndices: plannedImages(training.length, options.seed, options.limit),
          ...(validation && {
            validation: { dataset: validation, indices: plannedImages(validation.length, options.seed) },
          }),
          out: options.out,
          workFolder: options.work ?? options.out.replace(/\.onnx$/i, ".finetune"),
          runtime,
          epochs: options.epochs,
          batchSize: options.batch,
          learningRate,
          patience: options.patience,
          seed: options.seed,
          signal: context.signal,
          onFeatures: (done, total) => bar.update(done, total, "features"),
          onSkip: (key, message) => context.note(`${key} is left out: ${message}`),
          onEpoch(result) {
            bar.clear();
            if (options.quiet !== true) context.note(describeEpoch(result));
          },
        });
        const best = history.findLast(({ isBest }) => isBest);
        bar.clear();
        context.print(`${options.out}: ${best === undefined ? "untrained" : describeEpoch(best)}`);
      } finally {
        await runtime.close();
        await model.close();
      }
    });
}

function describeEpoch(result: {
  readonly epoch: number;
  readonly trainingLoss: number;
  readonly validationLoss: number;
  readonly precision: number | null;
  readonly recall: number;
}): string {
  const { epoch, trainingLoss, validationLoss, precision, recall } = result;
  const percent = (value: number | null): string => (value === null ? "-" : `${(100 * value).toFixed(1)} %`);
  return `epoch ${epoch}: training loss ${trainingLoss.toFixed(4)}, validation loss ${validationLoss.toFixed(4)}, precision ${percent(precision)}, recall ${percent(recall)}`;
}
