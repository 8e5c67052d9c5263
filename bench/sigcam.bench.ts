/**
 * What SIGCAM costs beside its network: wall time over (gradient evaluations x one forward and backward of the bare
 * network in the same batches + forward evaluations x one forward). The limit is 1.15.
 *
 * Arguments: [MODEL.onnx] [IMAGE] [ITERATIONS]. The bare costs are measured between the iterations of each run, so that a
 * busy machine slows both alike; the ratio printed is the median over the runs.
 */
import { loadImage, loadModel } from "../src/node.ts";
import { sigCam } from "../src/methods/aop/sig-cam.ts";
import { explain } from "../src/methods/explain.ts";
import { concatBatch, type Tensor } from "../src/tensor/tensor.ts";

const [modelPath, imagePath = "examples/chelsea.png", iterationsText = "15"] = process.argv.slice(2);
const model = await loadModel(modelPath);
const { input } = await loadImage(imagePath, model);
const iterations = Number(iterationsText);
const target = { index: 0 };
const pathPoints = 20;

const repeated = (count: number): Tensor => concatBatch(Array.from({ length: count }, () => input));
const path = repeated(pathPoints);

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
const bareGradients = (): Promise<number> =>
  timed(() => model.gradient(path, { target, score: "probability" }));
const bareForward = (): Promise<number> => timed(() => model.scores(input, target, "probability"));

// Sessions are made before anything is timed.
await bareGradients();
await bareForward();
await explain({ model, input, method: sigCam, params: { iterations: 1, warmup: 0 } });

const ratios: number[] = [];
let seconds = 0;
for (let run = 0; run < 3; run++) {
  const before = model.counts;
  const [gradients, forwards] = [[await bareGradients()], [await bareForward()]];
  const wall = await timed(() => explain({ model, input, method: sigCam, params: { iterations } }));
  const spent = { ...model.counts };
  for (let extra = 0; extra < 2; extra++) {
    gradients.push(await bareGradients());
    forwards.push(await bareForward());
  }
  const gradientCount = spent.gradient - before.gradient - pathPoints;
  const forwardCount = spent.forward - before.forward - 1;
  const network = (gradientCount * median(gradients)) / pathPoints + forwardCount * median(forwards);
  ratios.push(wall / network);
  seconds = wall / 1000;
  console.log(
    `run ${run + 1}: ${seconds.toFixed(2)} s, network ${(network / 1000).toFixed(2)} s, ratio ${(wall / network).toFixed(3)}` +
      ` (${gradientCount} gradients at ${(median(gradients) / pathPoints).toFixed(1)} ms, ${forwardCount} forwards at ${median(forwards).toFixed(1)} ms)`,
  );
}
console.log(`median ratio ${median(ratios).toFixed(3)}`);
console.log(`peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`);
await model.close();

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
