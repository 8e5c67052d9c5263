import { afterAll, describe, expect, it } from "vitest";
import { explain } from "../src/methods/explain.ts";
import { methods } from "../src/methods/index.ts";
import { deletion } from "../src/metrics/deletion.ts";
import { insertion } from "../src/metrics/insertion.ts";
import { mersenneStream } from "../src/random/random-stream.ts";
import { tensor } from "../src/tensor/tensor.ts";
import { evaluateMetric } from "./metric-context.ts";
import { convolution, pooledClassifier, smallModel } from "./support/small-model.ts";

const size = 32;
const square = { left: 18, top: 8, side: 8 };

/** A dim noisy image with a bright red square. */
function image() {
  const random = mersenneStream(11);
  const data = new Float32Array(3 * size * size);
  for (let index = 0; index < data.length; index++) {
    const [x, y, channel] = [
      index % size,
      Math.floor(index / size) % size,
      Math.floor(index / (size * size)),
    ];
    const isInside =
      x >= square.left && x < square.left + square.side && y >= square.top && y < square.top + square.side;
    data[index] = isInside ? (channel === 0 ? 1.9 : -1.5) : -1 + 0.5 * random.uniform();
  }
  return tensor(data, [1, 3, size, size]);
}

/** Class 0 is how much red there is above grey; a second feature looks at green, and class 1 at nothing. */
const model = smallModel([3, size, size], (g, x) => {
  const features = g.unary("Relu", convolution(g, x, tensor([1, 0, 0, 0, -0.1, 0], [2, 3, 1, 1])));
  const pooled = g.node("MaxPool", [features], { kernel_shape: [2, 2], strides: [2, 2] });
  return pooledClassifier(g, pooled, tensor([20, 0.5, 0, 0], [2, 2]));
});
const input = image();
afterAll(() => model.close());

/** Small settings for a small image; the rest runs with its defaults. */
const params: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  rise: { masks: 1500 },
  // Its default, the segment's own mean, hides nothing of a square of one colour.
  lime: { samples: 400, segmentCount: 64, hide: "mean" },
  xrai: { steps: 20, scales: [10, 20, 40], minPixelDiff: 10, dilation: 0 },
  "meaningful-perturbation": { size: 8, iterations: 40 },
  "i-gos": { size: 8 },
  "i-gos-pp": { size: 8 },
  sigcam: { size: 8 },
  "sigcam-coco": { size: 8 },
};

describe("a network whose evidence lies in a square", () => {
  // Deconvnet has no gate at the ReLU: with one hidden layer it is the same for every image.
  it.each(methods.map((method) => method.name).filter((name) => name !== "deconvnet"))(
    "%s has its maximum there, and removes and inserts better than chance",
    async (name) => {
      const { map } = await explain({ model, input, method: name, target: 0, params: params[name] ?? {} });
      const peak = map.values.indexOf(map.values.reduce((max, value) => Math.max(max, value), -Infinity));
      const [x, y] = [peak % size, Math.floor(peak / size)];
      expect(x).toBeGreaterThanOrEqual(square.left);
      expect(x).toBeLessThan(square.left + square.side);
      expect(y).toBeGreaterThanOrEqual(square.top);
      expect(y).toBeLessThan(square.top + square.side);

      const random = mersenneStream(1);
      const values = { map: [...map.values], chance: Array.from(map.values, () => random.uniform()) };
      const score = async (metric: typeof deletion, of: "map" | "chance") =>
        (
          await evaluateMetric(
            metric,
            { width: size, height: size, values: values[of] },
            { model, input, target: { index: 0 }, params: { pixelsPerStep: 32 } },
          )
        ).score;
      expect(await score(deletion, "map")).toBeLessThan((await score(deletion, "chance"))!);
      expect(await score(insertion, "map")).toBeGreaterThan((await score(insertion, "chance"))!);
    },
  );
});
