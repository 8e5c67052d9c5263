/**
 * What SIGCAM costs beside its network: time over (gradient evaluations x one forward and backward of the bare network in
 * batches of 20 + forward evaluations x one forward), wall time and processor time. The limit is 1.15.
 *
 * Arguments: [MODEL.onnx] [IMAGE] [ITERATIONS] [THREADS]. The bare network is another instance of the model, so that neither
 * pushes the other's sessions out; it is measured before and after each run. On a machine that does other work, trust
 * processor time with 1 thread.
 */
import { loadImage, loadModel } from "../src/node.ts";
import { sigCam } from "../src/methods/aop/sig-cam.ts";
import { explain } from "../src/methods/explain.ts";
import { concatBatch, type Tensor } from "../src/tensor/tensor.ts";

const [modelPath, imagePath = "examples/chelsea.png", iterationsText = "15", threadsText] =
  process.argv.slice(2);
const options = threadsText === undefined ? {} : { threads: Number(threadsText) };
const model = await loadModel(modelPath, options);
const bare = await loadModel(modelPath, options);
const { input } = await loadImage(imagePath, model);
const iterations = Number(iterationsText);
const target = { index: 282 };
const pathPoints = 20;
const path: Tensor = concatBatch(Array.from({ length: pathPoints }, () => input));

/** Milliseconds on the wall and on the processors. */
interface Cost {
  readonly wall: number;
  readonly processor: number;
}

async function timed(work: () => Promise<unknown>): Promise<Cost> {
  const start = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wall: performance.now() - start, processor: (user + system) / 1000 };
}
const bareGradients = (): Promise<Cost> => timed(() => bare.gradient(path, { target, score: "probability" }));
const bareForward = (): Promise<Cost> => timed(() => bare.scores(input, target, "probability"));
const run = (count: number) =>
  explain({
    model,
    input,
    target,
    method: sigCam,
    params: { preset: "paper", iterations: count, warmup: Math.min(5, count) },
  });

// Sessions are made before anything is timed.
await bareGradients();
await bareForward();
await run(1);

const ratios: Cost[] = [];
for (let repeat = 0; repeat < 3; repeat++) {
  const gradients = [await bareGradients(), await bareGradients()];
  const forwards = [await bareForward(), await bareForward(), await bareForward()];
  const before = model.counts;
  const whole = await timed(() => run(iterations));
  const after = model.counts;
  gradients.push(await bareGradients(), await bareGradients());
  forwards.push(await bareForward(), await bareForward(), await bareForward());
  const gradientCount = after.gradient - before.gradient;
  const forwardCount = after.forward - before.forward;
  const network = (kind: keyof Cost): number =>
    (gradientCount * median(gradients.map((cost) => cost[kind]))) / pathPoints +
    forwardCount * median(forwards.map((cost) => cost[kind]));
  ratios.push({ wall: whole.wall / network("wall"), processor: whole.processor / network("processor") });
  console.log(
    `run ${repeat + 1}: ${(whole.wall / 1000).toFixed(2)} s (processor ${(whole.processor / 1000).toFixed(2)} s), ` +
      `${gradientCount} gradients at ${(median(gradients.map(({ wall }) => wall)) / pathPoints).toFixed(1)} ms, ` +
      `${forwardCount} forwards at ${median(forwards.map(({ wall }) => wall)).toFixed(1)} ms`,
  );
}
console.log(`over the network, wall ${median(ratios.map(({ wall }) => wall)).toFixed(3)}`);
console.log(`over the network, processor ${median(ratios.map(({ processor }) => processor)).toFixed(3)}`);
console.log(`peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB (two instances)`);
await model.close();
await bare.close();

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
