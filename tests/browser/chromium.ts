import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext } from "playwright-core";

/** The browser that `scripts/test.sh` found, or Debian's. */
const executablePath = [process.env["CHROMIUM_PATH"], "/usr/bin/chromium"].find(
  (path) => path !== undefined && path !== "" && existsSync(path),
);

/** A browser with a profile of its own. */
export interface Browser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/** Starts Chromium without a window and without anything that would talk to the network by itself. */
export async function openBrowser(
  options: { readonly args?: readonly string[]; readonly viewport?: { width: number; height: number } } = {},
): Promise<Browser> {
  if (executablePath === undefined) {
    throw new Error("The browser tests need Chromium: install it, or set CHROMIUM_PATH.");
  }
  const profile = mkdtempSync(join(tmpdir(), "onnx-saliency-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport: options.viewport ?? { width: 1280, height: 900 },
    args: [
      "--no-sandbox",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...(options.args ?? ["--disable-gpu"]),
    ],
  });
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
