import { Argument, Command } from "@commander-js/extra-typings";
import type { CliContext } from "../cli-context.ts";
import { integerOption } from "../option-parsers.ts";
import { runShard } from "./evaluate.ts";

/** `onnx-saliency reproduce`: a table or figure of the paper, for those who have its data and networks. */
export function reproduceCommand(context: CliContext) {
  return new Command("reproduce")
    .description("repeats an experiment of the SIGCAM paper: evaluation and report in one")
    .addArgument(
      new Argument("<EXPERIMENT>", "which").choices([
        "table1",
        "table2",
        "table3",
        "figure4",
        "figure5",
      ] as const),
    )
    .requiredOption("--data <DIR>", "folder with imagenet/, coco/val2017 and coco/annotations")
    .requiredOption(
      "--models <DIR>",
      "folder with densenet201.onnx, inception_v3.onnx, vgg19.onnx, resnet50-coco.onnx",
    )
    .option("--out <RUN>", "folder of the run (default: named after the experiment)")
    .option("--limit <N>", "so many images instead of the paper's", integerOption(1))
    .option("--jobs <N>", "processes that share the work", integerOption(1, 1024))
    .option("--threads <N>", "processor threads of each network", integerOption(1, 1024))
    .option("--seed <N>", "seed of everything random", integerOption(0, 2 ** 32 - 1), 0)
    .option("--quiet", "no progress")
    .option("--verbose", "print the stack of an error")
    .action(async (experiment, options) => {
      const { configure } = await import("../../evaluation/configure.ts");
      const { paperExperiment } = await import("../../evaluation/reproduce.ts");
      const { openRun } = await import("../../evaluation/run-folder.ts");
      const { provenance } = await import("../../evaluation/provenance.ts");
      const { writeReport } = await import("../../evaluation/report/write-report.ts");
      const { data, models, seed, limit } = options;
      const configuration = await configure(
        paperExperiment({ experiment, data, models, seed, ...(limit !== undefined && { limit }) }),
      );
      const folder = options.out ?? experiment;
      openRun(folder, configuration, provenance(process.argv.slice(2)));
      await runShard(context, folder, configuration, undefined, options);
      const formats = ["html", "md", "csv", "json", "tex"] as const;
      const paths = await writeReport([folder], {
        formats,
        comparePaper: true,
        onNote: (note) => context.note(note),
      });
      for (const path of paths) context.print(path);
    });
}
