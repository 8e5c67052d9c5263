import { describe, expect, it } from "vitest";
import { loadModel } from "../src/node.ts";
import { tensor } from "../src/tensor/tensor.ts";
import {
  readGolden,
  relativeError,
  seededInput,
  sharedModelPath,
  zooNames,
} from "./support/shared-models.ts";

interface Golden {
  readonly input: {
    readonly seed: number;
    readonly lo: number;
    readonly hi: number;
    readonly shape: readonly number[];
  };
  readonly class_index: number;
  readonly onnxruntime_logits_first_10: readonly number[];
  readonly oracle: string | null;
  readonly float32_relative_error?: number;
  readonly input_gradient?: {
    readonly l2: number;
    readonly sample_indices: readonly number[];
    readonly samples: readonly number[];
  };
}

const only = process.env["ZOO"]?.split(",");
const names = zooNames().filter((name) => only === undefined || only.includes(name));

/** Exported classifier families with seeded weights against an independent gradient. */
describe.skipIf(names.length === 0)("gradients of exported families", () => {
  it.each(names)("%s", async (name) => {
    const golden = readGolden<Golden>(`zoo/${name}`);
    const { seed, lo, hi, shape } = golden.input;
    const model = await loadModel(sharedModelPath(`zoo/${name}`), { optimization: "disabled" });
    try {
      const input = tensor(seededInput(shape, seed, lo, hi), shape);
      const { gradient, logits } = await model.gradient(input, { target: { index: golden.class_index } });
      expect(relativeError(logits.data.slice(0, 10), golden.onnxruntime_logits_first_10)).toBeLessThan(1e-3);
      if (golden.input_gradient === undefined) return;
      const { samples, sample_indices: indices, l2 } = golden.input_gradient;
      const tolerance = Math.max(5 * (golden.float32_relative_error ?? 1e-3), 2e-5);
      const found = indices.map((index) => gradient?.data[index] ?? Number.NaN);
      expect(relativeError(found, samples)).toBeLessThan(tolerance);
      const size = Math.sqrt(gradient?.data.reduce((sum, value) => sum + value * value, 0) ?? 0);
      expect(Math.abs(size / l2 - 1)).toBeLessThan(tolerance);
    } finally {
      await model.close();
    }
  });
});
