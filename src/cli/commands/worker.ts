import { Command } from "@commander-js/extra-typings";
import { ParameterError } from "../../errors.ts";
import type { CliContext } from "../cli-context.ts";
import { collect, integerOption } from "../option-parsers.ts";

/** `onnx-saliency worker`: evaluates images of runs that `evaluate --queue` put on a queue. */
export function workerCommand(context: CliContext) {
  return new Command("worker")
    .description("takes images from a queue that 'evaluate --queue' fills, on as many machines as you like")
    .requiredOption("--queue <URL>", "Redis server, such as redis://host:6379")
    .option(
      "--path <FROM=TO>",
      "read paths that begin with FROM at TO on this machine; several may be given",
      collect,
    )
    .option("--threads <N>", "processor threads of each network (default: all cores)", integerOption(1, 1024))
    .option("--until-idle", "end when no run has work, instead of waiting for the next")
    .option("--verbose", "print the stack of an error")
    .action(async (options) => {
      const { work } = await import("../../evaluation/queue/work.ts");
      await work({
        url: options.queue,
        paths: (options.path ?? []).map((text) => {
          const [, from, to] = /^([^=]+)=(.*)$/.exec(text) ?? [];
          if (from === undefined || to === undefined)
            throw new ParameterError(`path: expected FROM=TO, got '${text}'.`);
          return { from, to };
        }),
        untilIdle: options.untilIdle === true,
        onNote: (note) => context.note(note),
        signal: context.signal,
        ...(options.threads !== undefined && { threads: options.threads }),
      });
    });
}
