import { Command } from "@commander-js/extra-typings";
import { ExplainError, ParameterError } from "../../errors.ts";
import type { GradientCheck } from "../../runtime/check-gradient.ts";
import type { CliContext } from "../cli-context.ts";
import { integerOption } from "../option-parsers.ts";

/** The gradient of a model did not pass; the findings have been printed. */
class CheckFailedError extends ExplainError {
  readonly code = "CHECK_FAILED";
}

/** `onnx-saliency check`: is the gradient right, on this very model? */
export function checkCommand(context: CliContext) {
  return new Command("check")
    .description(
      "proves the gradient on your own model: compares it with central differences, and batches with single images",
    )
    .argument("[MODEL.onnx]", "the classifier (default: the EfficientNet-Lite0 that comes along)")
    .argument("[IMAGE]", "a photograph to check at (default: a smooth random picture)")
    .option("--preprocess <PRESET|FILE>", "as for explain")
    .option("--seed <N>", "seed of the random directions", integerOption(0, 2 ** 32 - 1), 0)
    .option("--threads <N>", "processor threads of the network (default: all cores)", integerOption(1, 1024))
    .option("--json", "print the findings as JSON")
    .option("--verbose", "print the stack of an error")
    .addHelpText("after", "\nExit status: 0 the gradient passed, 1 it failed or nothing could be proven.")
    .action(async (modelArgument, imageArgument, options) => {
      const { model: modelPath, image } = splitArguments([modelArgument, imageArgument]);
      const { loadModel, loadImage } = await import("../../node.ts");
      const { checkGradient } = await import("../../runtime/check-gradient.ts");
      const { randomStream } = await import("../../random/random-stream.ts");
      const { smoothImage } = await import("../../runtime/smooth-image.ts");
      const model = await loadModel(modelPath, {
        ...(options.preprocess !== undefined && { preprocess: options.preprocess }),
        ...(options.threads !== undefined && { threads: options.threads }),
      });
      try {
        const input =
          image === undefined
            ? smoothImage(model, randomStream(options.seed, "image"))
            : (await loadImage(image, model)).input;
        const logits = await model.logits(input);
        const target = { index: logits.data.indexOf(Math.max(...logits.data)) };
        const result = await checkGradient(model, input, target, randomStream(options.seed, "check"), {
          signal: context.signal,
        });
        const report = {
          model: modelPath ?? "embedded",
          image: image ?? "random",
          label: model.labels?.[target.index],
          seed: options.seed,
          ...result,
        };
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

async function formatCheck(
  check: GradientCheck & {
    readonly model: string;
    readonly image: string;
    readonly label: string | undefined;
  },
): Promise<string> {
  const { formatText } = await import("../table.ts");
  const { default: pc } = await import("picocolors");
  const rows = check.derivatives.map(({ kind, step, analytic, numeric }) => [
    kind,
    step.toExponential(1),
    ...[analytic, ...numeric].map((slope) => slope.toExponential(4)),
  ]);
  const header = ["direction", "step", "by the gradient", "by differences", "at 4 steps"];
  const color = { pass: pc.green, fail: pc.red, inconclusive: pc.yellow }[check.verdict];
  const percent = (value: number): string => `${(100 * value).toPrecision(2)} %`;
  const { gradient, random, batch } = check;
  return [
    `model ${check.model}, image ${check.image}, ${check.score} of class ${check.target.index}${check.label === undefined ? "" : ` (${check.label})`}`,
    "",
    formatText({ header, rows }),
    "",
    `error along the gradient     ${percent(gradient.error)} (the differences of two steps differ by ${percent(gradient.referenceError)})`,
    `error along random patterns  ${percent(random.error)} (the differences of two steps differ by ${percent(random.referenceError)})`,
    `batch of 2 against 1 and 1   logits ${batch.logits.toExponential(1)}, gradient ${batch.gradient.toExponential(1)}`,
    `verdict                      ${color(check.verdict)}: ${check.reason}`,
  ].join("\n");
}
