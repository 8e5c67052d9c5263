#!/usr/bin/env node
import { Command } from "@commander-js/extra-typings";
import { AbortedError } from "../errors.ts";
import type { CliContext } from "./cli-context.ts";
import { checkCommand } from "./commands/check.ts";
import { evaluateCommand } from "./commands/evaluate.ts";
import { explainCommand } from "./commands/explain.ts";
import { exportCommand } from "./commands/export.ts";
import { finetuneCommand } from "./commands/finetune.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { mergeCommand } from "./commands/merge.ts";
import { methodsCommand } from "./commands/methods.ts";
import { reportCommand } from "./commands/report.ts";
import { reproduceCommand } from "./commands/reproduce.ts";
import { studioCommand } from "./commands/studio.ts";
import { workerCommand } from "./commands/worker.ts";
import { packageVersion } from "./package-version.ts";
import { printable } from "./printable.ts";
import { describeError, exitCodeOf } from "./report-error.ts";

/** A context on the process's own streams and signals. */
function processContext(): CliContext {
  const interruption = new AbortController();
  const undos: (() => void)[] = [];
  const finishers: (() => boolean)[] = [];
  let isAsked = false;
  const interrupt = (): void => {
    if (!isAsked) {
      isAsked = true;
      if (finishers.some((finish) => finish())) return;
    }
    process.off("SIGINT", interrupt);
    interruption.abort();
    for (const undo of undos) undo();
    // End by the signal itself, as programs without a handler do (status 130 in a shell). process.exit would wait for the
    // run of the network that has begun, and ONNX Runtime aborts when its thread is taken away.
    process.kill(process.pid, "SIGINT");
  };
  process.on("SIGINT", interrupt);
  for (const stream of [process.stdout, process.stderr]) {
    // The reader may have had enough (`| head`). The files are still wanted, so go on.
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
  return {
    signal: interruption.signal,
    onFirstInterrupt: (finish) => finishers.push(finish),
    onInterrupt: (undo) => undos.push(undo),
    print: (line) => process.stdout.write(`${printable(line)}\n`),
    note: (line) => process.stderr.write(`${printable(line)}\n`),
  };
}

function createProgram(context: CliContext): Command {
  const program = new Command("onnx-saliency")
    .description("Shows why an image classifier decided as it did, for any ONNX file.")
    .version(packageVersion())
    .showHelpAfterError("Run with --help to see what there is.")
    .exitOverride();
  for (const command of [
    explainCommand(context),
    inspectCommand(context),
    methodsCommand(context),
    checkCommand(context),
    exportCommand(context),
    evaluateCommand(context),
    mergeCommand(context),
    finetuneCommand(context),
    reproduceCommand(context),
    workerCommand(context),
    studioCommand(context),
    reportCommand(context),
  ]) {
    program.addCommand(command.copyInheritedSettings(program));
  }
  return program;
}

async function main(): Promise<void> {
  const context = processContext();
  try {
    await createProgram(context).parseAsync();
  } catch (error) {
    const message = describeError(error, process.argv.includes("--verbose"));
    if (message !== undefined) context.note(message);
    process.exitCode = exitCodeOf(error);
    if (error instanceof AbortedError) {
      // The first interrupt was taken to finish some work; the shell still has to see that there was one.
      process.removeAllListeners("SIGINT");
      process.kill(process.pid, "SIGINT");
    }
  }
}

await main();
