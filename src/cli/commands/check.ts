import { Command } from "@commander-js/extra-typings";
import { ExplainError, ParameterError } from "../../errors.ts";
import type { CliContext } from "../cli-context.ts";
import { collect, integerOption, anySizeOption } from "../option-parsers.ts";

/** A model did not pass; the findings have been printed. */
class CheckFailedError extends ExplainError {
  readonly code = "CHECK_FAILED";
}

/** `onnx-saliency check`: can explanations of this very model be relied on? */
export function checkCommand(context: CliContext) {
  return new Command("check")
    .description(
      "checks all that explanations of your own model rest on: scores against the file's own, the gradient against central " +
        "differences, batches against single images; ends in a verdict for a bug report",
    )
    .argument("[MODEL.onnx]", "the classifier (default: the EfficientNet-Lite0 that comes along)")
    .argument("[IMAGE]", "a photograph to check at (default: a smooth random picture)")
    .option("--preprocess <PRESET|FILE>", "as for explain")
    .option("--feed <NAME=VALUE>", "value of a further input: a number, numbers or a .npy file", collect)
    .option("--output <NAME>", "the value with the class scores (default: found)")
    .option(
      "--size <HxW>",
      "height and width, for a network that takes any (default: 224x224)",
      anySizeOption,
    )
    .option("--seed <N>", "seed of the random directions", integerOption(0, 2 ** 32 - 1), 0)
    .option("--threads <N>", "processor threads of the network (default: all cores)", integerOption(1, 1024))
    .option("--json", "print the findings as JSON")
    .option("--verbose", "print the stack of an error")
    .addHelpText("after", "\nExit status: 0 the model passed, 1 it failed or nothing could be proven.")
    .action(async (modelArgument, imageArgument, options) => {
      const { model: modelPath, image } = splitArguments([modelArgument, imageArgument]);
      const { loadModel, loadImage } = await import("../../node.ts");
      const { checkModel } = await import("../../runtime/check-model.ts");
      const { randomStream } = await import("../../random/random-stream.ts");
      const { smoothImage } = await import("../../runtime/smooth-image.ts");
      const { networkOptions } = await import("../feed-option.ts");
      const model = await loadModel(modelPath, {
        ...(options.preprocess !== undefined && { preprocess: options.preprocess }),
        ...networkOptions(options),
        ...(options.threads !== undefined && { threads: options.threads }),
      });
      try {
        const input =
          image === undefined
            ? smoothImage(model, randomStream(options.seed, "image"))
            : (await loadImage(image, model)).input;
        const logits = await model.logits(input);
        const target = { index: logits.data.indexOf(Math.max(...logits.data)) };
        const result = await checkModel(model, input, target, randomStream(options.seed, "check"), {
          signal: context.signal,
        });
        const { checkReport, formatCheck } = await import("../check-report.ts");
        const report = checkReport(model, result, {
          image: image ?? "random",
          label: model.labels?.[target.index],
          seed: options.seed,
        });
        if (options.json === true) context.print(JSON.stringify(report));
        else context.print(await formatCheck(report));
        if (result.verdict !== "pass") throw new CheckFailedError(result.reason);
      } finally {
        await model.close();
      }
    });
}

/** `check photo.jpg` means the embedded model. */
function splitArguments(given: readonly (string | undefined)[]): {
  model: string | undefined;
  image: string | undefined;
} {
  const paths = given.filter((path) => path !== undefined);
  const models = paths.filter((path) => path.toLowerCase().endsWith(".onnx"));
  const images = paths.filter((path) => !models.includes(path));
  if (models.length > 1)
    throw new ParameterError(
      `MODEL.onnx: expected one model, got ${models.join(", ")}. Check them one after the other.`,
    );
  if (images.length > 1)
    throw new ParameterError(`MODEL.onnx: expected an ONNX file and a photograph, got ${images.join(", ")}.`);
  return { model: models[0], image: images[0] };
}
