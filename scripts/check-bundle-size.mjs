// Fails if the built page or the code of the library for browsers has grown beyond its limit. Sizes are gzipped, as hosts send them.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

const folder = resolve(import.meta.dirname, "../dist/studio");
const limits = [
  {
    name: "page: script and style",
    pattern: /assets\/(?!worker-|ort)[^/]*\.(js|css)$|index\.html$/,
    kilobytes: 130,
  },
  {
    name: "worker: library and ONNX Runtime's script",
    pattern: /worker-.*\.js$|ort\.wasm.*\.js$/,
    kilobytes: 280,
  },
  { name: "element", pattern: /widget\.js$/, kilobytes: 4 },
  { name: "WebAssembly", pattern: /threaded-.*\.wasm$/, kilobytes: 3900 },
  { name: "WebAssembly with WebGPU (only where it is used)", pattern: /asyncify.*\.wasm$/, kilobytes: 7000 },
  { name: "model", pattern: /\.onnx$/, kilobytes: 9200 },
];
const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) =>
  name.replaceAll("\\", "/"),
);
let isOver = false;
for (const { name, pattern, kilobytes } of limits) {
  const matching = files.filter((file) => pattern.test(file));
  if (matching.length === 0)
    throw new Error(`check-bundle-size: nothing in ${folder} is ${name}. Run: npm run build`);
  const size =
    matching.reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file))).length, 0) / 1000;
  const isTooLarge = size > kilobytes;
  isOver ||= isTooLarge;
  console.log(`${isTooLarge ? "TOO LARGE" : "ok"}  ${name}: ${size.toFixed(0)} kB of ${kilobytes} kB`);
}
if (isOver) process.exitCode = 1;
