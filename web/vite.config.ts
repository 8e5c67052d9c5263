import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(readFileSync(here("../package.json"), "utf8")) as { version: string };

/**
 * Writes the service worker, which keeps the files of the build for times without a network, and what the example page
 * of the element refers to by name.
 */
function offline(): Plugin {
  return {
    name: "offline",
    apply: "build",
    generateBundle() {
      for (const ending of ["labels.txt", "preprocess.json"]) {
        this.emitFile({
          type: "asset",
          fileName: `models/efficientnet-lite0.${ending}`,
          source: readFileSync(here(`../models/efficientnet-lite0.${ending}`)),
        });
      }
    },
    // From the folder itself: what the bundler lists is not all, and not all of it is written.
    writeBundle({ dir = "" }) {
      const digest = createHash("sha256");
      // The WebGPU build is large and few need it offline before they have used it once.
      const files = readdirSync(dir, { recursive: true, encoding: "utf8" })
        .map((name) => name.split(sep).join("/"))
        .filter((name) => statSync(join(dir, name)).isFile())
        .filter((name) => !/asyncify|webgpu|\.map$|widget|^index\.html$|^sw\.js$/.test(name))
        .sort();
      for (const name of ["index.html", ...files]) digest.update(name).update(readFileSync(join(dir, name)));
      const source = readFileSync(here("src/sw.js"), "utf8")
        .replace("__FILES__", JSON.stringify(files))
        .replace("__BUILD__", JSON.stringify(digest.digest("hex").slice(0, 12)));
      writeFileSync(join(dir, "sw.js"), source);
    },
  };
}

export default defineConfig({
  root: here("."),
  // The page works from any folder of any host.
  base: "./",
  define: { __VERSION__: JSON.stringify(version) },
  assetsInclude: ["**/*.onnx"],
  resolve: { alias: { "onnx-saliency/web": here("../src/web.ts") } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  plugins: [offline()],
  build: {
    target: "es2022",
    outDir: here("../dist/studio"),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: {
        page: here("index.html"),
        example: here("widget.html"),
        widget: here("src/widget/onnx-saliency.ts"),
      },
      output: {
        entryFileNames: (chunk) => (chunk.name === "widget" ? "widget.js" : "assets/[name]-[hash].js"),
        // Names that people can refer to from pages of their own.
        assetFileNames: ({ names }) =>
          names.some((name) => name.endsWith(".onnx"))
            ? "models/[name][extname]"
            : names.some((name) => name.endsWith(".png"))
              ? "examples/[name][extname]"
              : "assets/[name]-[hash][extname]",
      },
    },
  },
  server: {
    fs: { allow: [here("..")] },
    headers: {
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    },
  },
});
