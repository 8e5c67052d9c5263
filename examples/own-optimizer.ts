// A base map and a mask optimiser of one's own, combined by AOP: from a spot in the middle, keep what random patches improve.
// node .cache/tools/examples/own-optimizer.js [PHOTO]
import { aop, defineOptimizer, explain, loadImage, loadModel } from "onnx-saliency/node";
import { maskedNetwork, overlay, writeImage } from "onnx-saliency/node";
import { z } from "zod";

const randomSearch = defineOptimizer({
  name: "random-search",
  title: "Random search",
  summary: "Removes random patches as long as that lowers the score by more than they cost.",
  paper: { authors: "an example", year: 2024, url: "https://arxiv.org/abs/1704.03296" },
  params: z.strictObject({ rounds: z.int().min(1), price: z.number().min(0) }),
  defaults: { rounds: 48, price: 0.2 },
  cost: ({ rounds }) => ({ f: rounds + 1, fb: 0 }),
  async optimize({ initialMask, baselineAt, random, report, ...problem }, { rounds, price }) {
    const network = maskedNetwork({ ...problem, score: "probability" });
    const images = { foreground: problem.input, background: baselineAt(0) };
    const objectiveOf = async (mask: typeof initialMask) => {
      const [score = 0] = await network.scores([{ masks: [mask] }], images, problem.signal);
      return score + price * (1 - mask.values.reduce((sum, keep) => sum + keep, 0) / mask.values.length);
    };
    let mask = initialMask;
    let objective = await objectiveOf(mask);
    for (let round = 0; round < rounds; round++) {
      const stream = random("patch", round);
      const [top, left, size] = [stream.integer(mask.height), stream.integer(mask.width), stream.integer(6)];
      const distance = (at: number) =>
        Math.max(Math.abs(Math.floor(at / mask.width) - top), Math.abs((at % mask.width) - left));
      const values = mask.values.map((keep, at) => (distance(at) <= size ? keep / 2 : keep));
      const found = await objectiveOf({ ...mask, values });
      if (found < objective) [mask, objective] = [{ ...mask, values }, found];
      report({ iteration: round + 1, iterations: rounds, objective, mask });
    }
    return { mask, history: [], isFinished: true };
  },
});

const values = Float32Array.from({ length: 9 }, (_, cell) => (cell === 4 ? 1 : 0));
const initial = { name: "spot", map: { width: 3, height: 3, values } };
const model = await loadModel();
const { input, photograph, placement } = await loadImage(process.argv[2] ?? "examples/chelsea.png", model);
const { map, record } = await explain({ model, input, method: aop({ initial, optimizer: randomSearch }) });
await writeImage("own-optimizer.png", overlay(photograph, map, { placement }));
await model.close();
console.log(`${record.method}: ${record.counts.forward} forward passes, own-optimizer.png`);
