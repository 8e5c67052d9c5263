import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "@commander-js/extra-typings";
import { RuntimeUnavailableError } from "../../errors.ts";
import type { CliContext } from "../cli-context.ts";
import { integerOption } from "../option-parsers.ts";
import { serveFolder } from "../static-server.ts";

/** The built page, beside the built program. */
const pageFolder = fileURLToPath(new URL("../../studio", import.meta.url));

/** The embedded model, which the package has only once. */
const mounts = { models: fileURLToPath(new URL("../../../models", import.meta.url)) };

/** `onnx-saliency studio`: the page, served to this machine. */
export function studioCommand(context: CliContext) {
  return new Command("studio")
    .description("serves the page: drop a model and a photograph, nothing leaves the browser")
    .option("--port <N>", "port (default: 8620, or a free one if it is taken)", integerOption(1, 65535))
    .option("--host <ADDRESS>", "address to listen at; 0.0.0.0 lets other machines in", "127.0.0.1")
    .option("--verbose", "print the stack of an error")
    .action(async ({ port, host }) => {
      if (!existsSync(join(pageFolder, "index.html"))) {
        throw new RuntimeUnavailableError(
          `studio: expected the built page in ${pageFolder}, got no such folder. In a checkout, build it: npm run build:studio`,
        );
      }
      const server = await openServer(host, port);
      context.print(server.url);
      context.note("Open this address in a browser. Ctrl+C ends it.");
      await new Promise<void>((resolve) => {
        context.signal.addEventListener("abort", () => resolve(), { once: true });
      });
      await server.close();
    });
}

async function openServer(host: string, port: number | undefined): ReturnType<typeof serveFolder> {
  const wanted = port ?? 8620;
  try {
    return await serveFolder(pageFolder, { host, port: wanted, mounts });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE" && port === undefined) {
      return await serveFolder(pageFolder, { host, mounts });
    }
    throw new RuntimeUnavailableError(
      `studio: cannot listen at ${host}:${wanted} (${(error as Error).message}). Choose another --port or --host.`,
      { cause: error },
    );
  }
}
