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
    .option(
      "--lock <SECONDS>",
      "a worker that was not heard of for so long loses its image to another",
      integerOption(1, 86_400),
      30,
    )
    .option("--until-idle", "end when no run has work, instead of waiting for the next")
    .option("--verbose", "print the stack of an error")
    .action(async (options) => {
      const { work } = await import("../../evaluation/queue/work.ts");
      const leaving = new AbortController();
      // How machines are taken away (Slurm, Kubernetes): the image in hand goes back at once.
      process.once("SIGTERM", () => {
        leaving.abort();
        // By the signal itself: process.exit would wait for the run of the network that has begun.
        const end = (): void => void process.kill(process.pid, "SIGTERM");
        setTimeout(end, 3000);
        void working.then(end, end);
      });
      const working = work({
        url: options.queue,
        paths: (options.path ?? []).map(parsePathRule),
        untilIdle: options.untilIdle === true,
        lockInSeconds: options.lock,
        onNote: (note) => context.note(note),
        leave: leaving.signal,
        ...(options.threads !== undefined && { threads: options.threads }),
      });
      await working;
    });
}

function parsePathRule(text: string): { readonly from: string; readonly to: string } {
  const [, from, to] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (from !== undefined && to !== undefined) return { from, to };
  throw new ParameterError(`path: expected FROM=TO, got '${text}'.`);
}
