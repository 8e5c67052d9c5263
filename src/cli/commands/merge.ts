import { Command } from "@commander-js/extra-typings";
import type { CliContext } from "../cli-context.ts";

/** `onnx-saliency merge`: one run out of shards. */
export function mergeCommand(context: CliContext) {
  return new Command("merge")
    .description("joins runs of one configuration, such as the shards of several machines, into one")
    .argument("<RUN...>", "folders of the runs")
    .requiredOption("--out <RUN>", "folder of the result")
    .option("--verbose", "print the stack of an error")
    .action(async (runs, options) => {
      const { mergeRuns } = await import("../../evaluation/merge.ts");
      const { records, duplicates } = await mergeRuns(runs, options.out);
      context.print(
        `${options.out}: ${records} records from ${runs.length} runs${duplicates > 0 ? `, ${duplicates} were there already` : ""}.`,
      );
    });
}
