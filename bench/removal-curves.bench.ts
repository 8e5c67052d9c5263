/**
 * What deletion and insertion of one map cost beside their forward passes: time of both curves (ordering, blur, composition
 * and all) over the time of scoring as many plain images. The limit is 1.1.
 *
 * Arguments: [MODEL.onnx] [IMAGE] [THREADS] [REPEATS]. The two are measured alternately; on a machine that does other work,
 * trust the ratio of the fastest runs.
 */
import { createMemo } from "../src/metrics/define-metric.ts";
import { removalCurve, removalParams } from "../src/metrics/removal-curves.ts";
import { loadImage, loadModel } from "../src/node.ts";
import { randomStream } from "../src/random/random-stream.ts";
import { concatBatch } from "../src/tensor/tensor.ts";

const [modelPath, imagePath = "examples/chelsea.png", threadsText, repeatsText = "7"] = process.argv.slice(2);
const model = await loadModel(modelPath, threadsText === undefined ? {} : { threads: Number(threadsText) });
const { input } = await loadImage(imagePath, model);
const target = { index: 0 };
const pixelCount = model.height * model.width;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function curves(seed: number): Promise<number> {
  const random = randomStream(seed);
  const values = Float32Array.from({ length: pixelCount }, () => random.uniform());
  const context = {
    model,
    input,
    target,
    map: { width: model.width, height: model.height, values },
    params: removalParams.parse({}),
    random: (...keys: readonly (string | number)[]) => randomStream(seed, ...keys),
    imageMemo: createMemo(),
    mapMemo: createMemo(),
  };
  return timed(async () => {
    await removalCurve(context, "deletion");
    await removalCurve(context, "insertion");
  });
}

// Sessions are made before anything is timed.
const before = model.counts.forward;
await curves(0);
const passes = model.counts.forward - before;
const plain = concatBatch(Array.from({ length: passes }, () => input));
const forward = (): Promise<number> => timed(() => model.scores(plain, target, "probability"));
await forward();

const [ours, theirs]: [number[], number[]] = [[], []];
for (let repeat = 1; repeat <= Number(repeatsText); repeat++) {
  theirs.push(await forward());
  ours.push(await curves(repeat));
}
const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? NaN;
console.log(`forward passes of both curves: ${passes}`);
console.log(
  `medians: curves ${median(ours).toFixed(0)} ms, passes ${median(theirs).toFixed(0)} ms, ratio ${(median(ours) / median(theirs)).toFixed(3)}`,
);
console.log(`fastest: ratio ${(Math.min(...ours) / Math.min(...theirs)).toFixed(3)} (limit 1.1)`);
await model.close();
