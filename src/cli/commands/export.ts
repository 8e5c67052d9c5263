import { Command, Option } from "@commander-js/extra-typings";
import { ParameterError } from "../../errors.ts";
import { explainedMethods, type ExplainedMethod } from "../../methods/explained-model/explained-methods.ts";
import type { CliContext } from "../cli-context.ts";
import { anySizeOption, collect, integerOption } from "../option-parsers.ts";

/** `onnx-saliency export`: a model that explains itself, for programs without this package. */
export function exportCommand(context: CliContext) {
  return new Command("export")
    .description(
      "writes an ONNX file that gives the saliency map besides the scores, for any program that runs ONNX",
    )
    .argument("<MODEL.onnx>", "the classifier")
    .addOption(
      new Option("--method <ID>", "the method to build in")
        .choices(explainedMethods)
        .default("grad-cam" as const),
    )
    .option("-o, --out <FILE.onnx>", "the file to write (default: MODEL.explained.onnx)")
    .option("-l, --layer <NAME>", "layer of the class activation methods (default: found; see: inspect)")
    .option("--steps <N>", "points on the path of integrated gradients", integerOption(1, 500), 50)
    .option("--preprocess <PRESET|FILE>", "how pixels become input; integrated gradients begin at its black")
    .option(
      "--feed <NAME=VALUE>",
      "value of a further input, fixed in the file: a number, numbers or a .npy file",
      collect,
    )
    .option("--output <NAME>", "the value with the class scores (default: found)")
    .option(
      "--size <HxW>",
      "height and width, for a network that takes any (default: 224x224)",
      anySizeOption,
    )
    .option("--no-check", "do not compare the file with the model and with the method")
    .option("--json", "print what was written as JSON")
    .option("--verbose", "print the stack of an error")
    .addHelpText(
      "after",
      `
The file has the model's inputs and outputs, and besides them
  target           input, int64 [batch]: the class to explain, or -1 for the one with the highest score
  saliency_map     output, float32 [batch, height, width]: larger is more important
  explained_class  output, int64 [batch]

Example:
  onnx-saliency export resnet50.onnx --method grad-cam --out explained.onnx`,
    )
    .action(async (path, options) => {
      const out = options.out ?? `${path.replace(/\.onnx$/i, "")}.explained.onnx`;
      const { resolve } = await import("node:path");
      if (resolve(out) === resolve(path)) {
        throw new ParameterError(`--out: expected another file than the model, got ${out}. Name a new file.`);
      }
      const { networkOptions } = await import("../feed-option.ts");
      const { exportExplained, formatExport } = await import("../export-explained.ts");
      const method: ExplainedMethod = options.method;
      const report = await exportExplained({
        path,
        out,
        method,
        steps: options.steps,
        isChecked: options.check,
        signal: context.signal,
        ...(options.layer !== undefined && { layer: options.layer }),
        ...(options.preprocess !== undefined && { preprocess: options.preprocess }),
        network: networkOptions(options),
      });
      context.print(options.json === true ? JSON.stringify(report) : await formatExport(report));
    });
}
