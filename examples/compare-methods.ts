// Which of several methods agree? Explains one decision with each and prints the rank correlation of every pair of maps.
// node .cache/tools/examples/compare-methods.js [PHOTO]
import { explain, loadImage, loadModel } from "onnx-saliency/node";

const [photo = "examples/chelsea.png"] = process.argv.slice(2);
const names = ["grad-cam", "wgrad-cam", "layer-cam", "input-x-gradient"];

const model = await loadModel();
const { input } = await loadImage(photo, model);
const logits = await model.logits(input);
const ranks: Float64Array[] = [];
for (const method of names) {
  const { map } = await explain({ model, input, method, logits });
  ranks.push(rank(map.values));
}
await model.close();

for (const [row, name] of names.entries()) {
  const correlations = ranks
    .slice(0, row + 1)
    .map((other) => correlation(ranks[row] ?? other, other).toFixed(2));
  console.log(`${name.padEnd(18)}${correlations.join("  ")}`);
}

/** Position of each value in ascending order; equal values share the mean of their positions. */
function rank(values: Float32Array): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const result = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end++;
    for (let index = start; index < end; index++) result[order[index] ?? 0] = (start + end - 1) / 2;
    start = end;
  }
  return result;
}

function correlation(a: Float64Array, b: Float64Array): number {
  const mean = (a.length - 1) / 2;
  const product = (x: Float64Array, y: Float64Array): number =>
    x.reduce((sum, value, index) => sum + (value - mean) * ((y[index] ?? 0) - mean), 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}
