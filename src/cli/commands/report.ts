import { Command } from "@commander-js/extra-typings";
import { spawn } from "node:child_process";
import { ParameterError } from "../../errors.ts";
import type { CliContext } from "../cli-context.ts";
import { collectList } from "../option-parsers.ts";

/** `onnx-saliency report`: tables, curves and examples of a run. */
export function reportCommand(context: CliContext) {
  return new Command("report")
    .description("makes a report of a run: tables, curves, examples, costs and failures")
    .argument("<RUN...>", "folder of a run; further ones of other methods, or fewer images, share its tables")
    .option("--format <FORMAT,...>", "html, md, csv, json, tex (default: html)", collectList)
    .option(
      "--out <PATH>",
      "of the report without its ending, such as docs/results (default: report in the first run's folder)",
    )
    .option("--compare <WHAT>", "paper: adds the published numbers beside ours")
    .option("--open", "show the HTML report")
    .option("--verbose", "print the stack of an error")
    .action(async (runs, options) => {
      const { reportFormats, writeReport } = await import("../../evaluation/report/write-report.ts");
      const formats = (options.format ?? ["html"]).map((format) => {
        const found = reportFormats.find((known) => known === format);
        if (found !== undefined) return found;
        throw new ParameterError(`format: expected ${reportFormats.join(", ")}, got '${format}'.`);
      });
      if (options.compare !== undefined && options.compare !== "paper") {
        throw new ParameterError(`compare: expected paper, got '${options.compare}'.`);
      }
      const paths = await writeReport(runs, {
        ...(options.out !== undefined && { out: options.out }),
        formats: options.open === true && !formats.includes("html") ? [...formats, "html"] : formats,
        comparePaper: options.compare === "paper",
        onNote: (note) => context.note(note),
      });
      for (const path of paths) context.print(path);
      const page = paths.find((path) => path.endsWith(".html"));
      if (options.open === true && page !== undefined) openFile(page);
    });
}

/** Shows a file with the program that the system has for it. */
function openFile(path: string): void {
  const [program = "xdg-open", ...args] =
    process.platform === "darwin"
      ? ["open"]
      : process.platform === "win32"
        ? ["cmd", "/c", "start", ""]
        : ["xdg-open"];
  const child = spawn(program, [...args, path], { detached: true, stdio: "ignore" });
  // Without a desktop there is nothing to show it with: its path was printed.
  child.on("error", () => undefined);
  child.unref();
}
