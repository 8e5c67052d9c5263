/**
 * Chromium beside Node on the same machine, one after the other: Grad-CAM (warm) and SIGCAM `fast` with the embedded model,
 * and the time from opening the page, with nothing cached, to its first heatmap.
 *
 * Arguments: [THREADS] (default: what each chooses for itself). Needs Chromium and the built page (npm run build).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { serveFolder } from "../src/cli/static-server.ts";
import { explain } from "../src/methods/explain.ts";
import { loadImage, loadModel } from "../src/node.ts";
import { openBrowser } from "../tests/browser/chromium.ts";
import type { ParityAnswer, ParityCase, ParityRequest } from "../tests/browser/parity/cases.ts";

const cases: readonly (ParityCase & { readonly repeats: number })[] = [
  { method: "grad-cam", params: {}, target: 282, repeats: 9 },
  { method: "sigcam", params: { preset: "fast" }, target: 282, repeats: 1 },
];
const root = process.cwd();
const out = join(root, ".cache", "browser-bench");
await build({
  root: join(root, "tests/browser/parity"),
  configFile: false,
  base: "./",
  logLevel: "error",
  worker: { format: "es" },
  build: { outDir: out, emptyOutDir: true, target: "es2022", reportCompressedSize: false },
});

const [threads] = process.argv.slice(2).map(Number);
const model = await loadModel(undefined, threads === undefined ? {} : { threads });
const { input } = await loadImage(join(root, "examples/chelsea.png"), model);
const base64 = readFileSync(join(root, "models/efficientnet-lite0.onnx")).toString("base64");
const preprocess = readFileSync(join(root, "models/efficientnet-lite0.preprocess.json"), "utf8");
const server = await serveFolder(out, { isIsolated: threads !== 1 });
const browser = await openBrowser();
const page = await browser.context.newPage();
await page.goto(server.url);
for (const { repeats, ...each } of cases) {
  const inNode: number[] = [];
  for (let repeat = 0; repeat <= repeats; repeat++) {
    const start = performance.now();
    await explain({ model, input, ...each, target: each.target });
    inNode.push(performance.now() - start);
  }
  const request: ParityRequest = {
    model: base64,
    preprocess,
    device: "wasm",
    input: { dims: input.dims, data: [...input.data] },
    cases: [each],
    repeats: repeats + 1,
  };
  const answer = await page.evaluate<ParityAnswer, ParityRequest>(
    (asked) => window.runParity(asked),
    request,
  );
  // The first run of each makes its session.
  const [node, web] = [median(inNode.slice(1)), median((answer.maps[0]?.times ?? []).slice(1))];
  console.log(
    `${each.method}: Node ${node.toFixed(0)} ms, Chromium (${answer.device}) ${web.toFixed(0)} ms, ratio ${(web / node).toFixed(2)}`,
  );
}
await browser.close();
await server.close();
await model.close();

const studio = await serveFolder(join(root, "dist/studio"));
const cold: number[] = [];
for (let repeat = 0; repeat < 3; repeat++) {
  const fresh = await openBrowser();
  const tab = await fresh.context.newPage();
  const start = performance.now();
  await tab.goto(studio.url);
  await tab.locator(".stage .legend").waitFor();
  cold.push(performance.now() - start);
  await fresh.close();
}
await studio.close();
console.log(`first heatmap on a cold page: ${(median(cold) / 1000).toFixed(2)} s (served by this machine)`);

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
