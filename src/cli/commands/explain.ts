import { Command, Option } from "@commander-js/extra-typings";
import { ParameterError } from "../../errors.ts";
import type { CliContext } from "../cli-context.ts";
import type { ExplainRequest } from "../explain-request.ts";
import { budgetOption } from "../budget-option.ts";
import { anySizeOption, collect, collectList, integerOption, numberOption } from "../option-parsers.ts";

/** Grad-CAM: the one that most people know, and one backward pass. */
const defaultMethods: readonly string[] = ["grad-cam"];

/** `onnx-saliency explain`: from photographs to heatmaps. */
export function explainCommand(context: CliContext) {
  return new Command("explain")
    .description(
      "shows what the decision about a photograph rests on: writes a picture, the map and a record",
    )
    .argument(
      "<IMAGE...>",
      "photographs (- reads one from standard input), arrays (.npy, .npz) or, for models of volumes, folders of slices; a FILE.onnx among them is the model",
    )
    .option("-m, --model <FILE.onnx>", "the classifier (default: the EfficientNet-Lite0 that comes along)")
    .option(
      "--method <ID,...>",
      "method, or several for one picture with a panel each; see: methods (default: grad-cam)",
      collectList,
    )
    .option("-t, --target <CLASS,...>", "top1, top5, an index, a name, or output:0 (default: top1)", collect)
    .option(
      "-l, --layer <NAME>",
      "layer of the activation methods (default: found in the model; see: inspect)",
    )
    .option(
      "-p, --param <KEY=VALUE>",
      "parameter of the methods; METHOD.KEY=VALUE for one of several",
      collect,
    )
    .option("--labels <FILE>", "class names, one a line")
    .option(
      "--preprocess <PRESET|FILE>",
      "imagenet, efficientnet-lite, minus-one-to-one, zero-to-one, zero-to-255, caffe-bgr, clip, JSON text, or a JSON file",
    )
    .addOption(
      new Option("--resize <MODE>", "how the photograph is made to fit").choices([
        "stretch",
        "crop",
        "letterbox",
      ]),
    )
    .option("--feed <NAME=VALUE>", "value of a further input: a number, numbers or a .npy file", collect)
    .option("--output <NAME>", "the value with the class scores (default: found)")
    .option(
      "--size <HxW>",
      "height and width (of volumes DxHxW), for a network that takes any (default: 224x224)",
      anySizeOption,
    )
    .option("-o, --out <DIR>", "folder of the results; - writes the picture to standard output", ".")
    .addOption(
      new Option(
        "--color-map <NAME>",
        "colours of the map (default: turbo; blue-red for signed maps)",
      ).choices(["turbo", "viridis", "inferno", "jet", "blue-red", "gray"] as const),
    )
    .option("--opacity <NUMBER>", "of the map over the photograph, 0 to 1 (default: 0.6)", numberOption(0, 1))
    .option("--seed <N>", "seed of everything random", integerOption(0, 2 ** 32 - 1), 0)
    .option("--threads <N>", "processor threads of the network (default: all cores)", integerOption(1, 1024))
    .addOption(
      new Option("--device <NAME>", "where the network runs").choices([
        "cpu",
        "cuda",
        "webgpu",
        "coreml",
        "dml",
      ]),
    )
    .option(
      "--budget <SECONDS|EVALUATIONS>",
      "what each map may cost, such as 10s, 2min, or 500 evaluations; then the best map so far is written",
      budgetOption,
    )
    .option("--frames", "write the intermediate maps: a folder of PNGs and an animated WebP")
    .option("--plot", "draw the loss history of optimised masks as SVG and PNG")
    .option("--evaluate", "measure deletion and insertion of each map and draw the curves beside it")
    .option("--json", "print the records, one JSON object a line, and nothing else")
    .option("-q, --quiet", "print nothing but errors")
    .option("--verbose", "print the stack of an error")
    .addHelpText(
      "after",
      `
Writes DIR/IMAGE.METHOD.CLASSINDEX.png, .npy (float32, the network's height x width, of a volume depth first) and .json for each image and class,
with --frames also .frames/NNN.png and .frames.webp, with --plot .loss.svg and .loss.png.
Ctrl-C writes the best map so far, marked as unfinished; twice, it ends at once.

Examples:
  onnx-saliency explain photo.jpg
  onnx-saliency explain photo.jpg --method grad-cam,integrated-gradients --target top3
  onnx-saliency explain photo.jpg --method sigcam --frames --plot --evaluate --budget 30s
  onnx-saliency explain *.jpg --model resnet50.onnx --preprocess imagenet --resize crop --out maps`,
    )
    .action(async (positionals, options) => {
      const { images, model } = splitModel(positionals, options.model);
      if (options.out === "-" && options.json === true) {
        throw new ParameterError(
          "--out -: expected either the picture or the records on standard output, got both. Leave out --json.",
        );
      }
      if (options.out === "-" && (options.frames === true || options.plot === true)) {
        throw new ParameterError(
          "--out -: expected the picture alone on standard output, got --frames or --plot, which write files. Name a folder.",
        );
      }
      const request: ExplainRequest = {
        images,
        methods: options.method ?? defaultMethods,
        targets: options.target ?? ["top1"],
        parameters: options.param ?? [],
        out: options.out,
        seed: options.seed,
        ...(model !== undefined && { model }),
        ...(options.layer !== undefined && { layer: options.layer }),
        ...(options.labels !== undefined && { labels: options.labels }),
        ...(options.preprocess !== undefined && { preprocess: options.preprocess }),
        ...(options.resize !== undefined && { resize: options.resize }),
        ...(options.colorMap !== undefined && { colorMap: options.colorMap }),
        ...(options.opacity !== undefined && { opacity: options.opacity }),
        ...(options.feed !== undefined && { feed: options.feed }),
        ...(options.output !== undefined && { output: options.output }),
        ...(options.size !== undefined && { size: options.size }),
        ...(options.threads !== undefined && { threads: options.threads }),
        ...(options.device !== undefined && { device: options.device }),
        ...(options.budget !== undefined && { budget: options.budget }),
        ...(options.frames === true && { frames: true }),
        ...(options.plot === true && { plot: true }),
        ...(options.evaluate === true && { evaluate: true }),
      };
      const { explainImages } = await import("../explain-images.ts");
      await explainImages(request, { json: options.json === true, quiet: options.quiet === true }, context);
    });
}

/** `explain model.onnx cat.jpg` is what people type: an ONNX file is never a photograph. */
function splitModel(
  positionals: readonly string[],
  option: string | undefined,
): { images: readonly string[]; model: string | undefined } {
  const models = positionals.filter((path) => path.toLowerCase().endsWith(".onnx"));
  const images = positionals.filter((path) => !models.includes(path));
  const [model = option] = models;
  if (models.length + (option === undefined ? 0 : 1) > 1) {
    throw new ParameterError(
      `model: expected one ONNX file, got ${[option, ...models].filter((path) => path !== undefined).join(", ")}. Explain them one after the other.`,
    );
  }
  if (images.length === 0)
    throw new ParameterError(
      `IMAGE: expected a photograph, got only the model ${model ?? ""}. For example: explain photo.jpg.`,
    );
  return { images, model };
}
