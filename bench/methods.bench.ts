/**
 * Seconds and evaluations of every method with its defaults, and what it costs beside its network: wall time over
 * (forward passes x cost of one + forward and backward passes x cost of one), both measured in full batches before and after.
 *
 * Arguments: [IMAGE] [METHOD,...]; default examples/chelsea.png and all methods, with the embedded model.
 */
import { explain, findMethod, loadImage, loadModel, methods } from "../src/node.ts";
import { concatBatch } from "../src/tensor/tensor.ts";

const [image = "examples/chelsea.png", list] = process.argv.slice(2);
const chosen = list === undefined ? methods : list.split(",").map(findMethod);
const model = await loadModel();
const { input } = await loadImage(image, model);

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

const batch = (kind: "forward" | "gradient") =>
  concatBatch(Array.from({ length: model.batchSize(kind) }, () => input));
const [images, gradients] = [batch("forward"), batch("gradient")];
const forwardCost = async (): Promise<number> =>
  (await seconds(() => model.logits(images))) / (images.dims[0] ?? 1);
const gradientCost = async (): Promise<number> =>
  (await seconds(() => model.gradient(gradients, { target: { index: 0 } }))) / (gradients.dims[0] ?? 1);
await forwardCost();
await gradientCost();

console.log("| method | seconds | f | fb | over its network |\n| --- | --- | --- | --- | --- |");
for (const method of chosen) {
  // Sessions are made before anything is timed: a method is stopped as soon as it reports.
  const warm = new AbortController();
  const onProgress = (): void => warm.abort();
  await explain({ model, input, method, signal: warm.signal, onProgress }).catch(() => undefined);
  const before = [await forwardCost(), await gradientCost()] as const;
  const { record } = await explain({ model, input, method });
  const after = [await forwardCost(), await gradientCost()] as const;
  const { forward, gradient } = record.counts;
  const network = (forward * (before[0] + after[0])) / 2 + (gradient * (before[1] + after[1])) / 2;
  const wall = record.elapsedMs / 1000;
  const ratio = forward + gradient < 20 ? "" : (wall / network).toFixed(2);
  console.log(`| ${method.name} | ${wall.toFixed(2)} | ${forward} | ${gradient} | ${ratio} |`);
}
console.log(`\npeak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`);
await model.close();
