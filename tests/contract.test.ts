import { afterAll, describe, expect, it } from "vitest";
import { AbortedError } from "../src/errors.ts";
import { explain } from "../src/methods/explain.ts";
import { findMethod, methods } from "../src/methods/index.ts";
import { tensor } from "../src/tensor/tensor.ts";
import { randomTensor, smallConvolutionalModel } from "./support/small-model.ts";

/** Parameters that keep a method short on the small model; what is not here runs with its defaults. */
const shortParams: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "smooth-grad": { samples: 10 },
  "smooth-grad-squared": { samples: 10 },
  "var-grad": { samples: 10 },
  "integrated-gradients": { steps: 10 },
  rise: { masks: 70 },
  lime: { samples: 40, segmentCount: 9 },
  xrai: { steps: 9, scales: [4, 9, 16], minPixelDiff: 4, dilation: 1 },
  "meaningful-perturbation": { size: 4, iterations: 5 },
  "i-gos": { size: 4, iterations: 2, steps: 9 },
  "i-gos-pp": { size: 4, iterations: 2, steps: 9 },
  sigcam: { size: 4, iterations: 3, steps: 9 },
  "sigcam-coco": { size: 4, iterations: 3, steps: 9 },
  "aop:grad-cam+i-gos": { size: 4, iterations: 2, steps: 9 },
};

const input = randomTensor([1, 3, 16, 16], 1, 77);
const models = new Map([1, 7, 64].map((batchSize) => [batchSize, smallConvolutionalModel({ batchSize })]));
const model = models.get(7)!;
const facts = { layerChannels: model.defaultLayer.channels, height: model.height, width: model.width };

afterAll(async () => {
  await Promise.all([...models.values()].map((each) => each.close()));
});

describe.each([...methods.map((method) => method.name), "aop:grad-cam+i-gos"])("%s", (name) => {
  const method = findMethod(name);
  const params = shortParams[name] ?? {};
  const run = (batchSize: number, seed = 0) =>
    explain({ model: models.get(batchSize)!, input, method, target: 2, params, seed });

  it("gives a finite map of the input's size and leaves the input alone", async () => {
    const copy = tensor(input.data.slice(), input.dims);
    const { map } = await explain({ model, input: copy, method, target: 2, params });
    expect([map.width, map.height, map.values.length]).toEqual([16, 16, 256]);
    expect(map.values.every(Number.isFinite)).toBe(true);
    expect(copy).toEqual(input);
  });

  it("gives the same map for batches of 1, 7 and 64", async () => {
    const [one, seven, many] = await Promise.all(
      [1, 7, 64].map(async (batchSize) => (await run(batchSize)).map.values),
    );
    const largest = one!.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    for (const other of [seven!, many!]) {
      const difference = other.reduce(
        (max, value, pixel) => Math.max(max, Math.abs(value - one![pixel]!)),
        0,
      );
      // ONNX Runtime may add in another order for another batch size; random numbers must not differ.
      expect(difference).toBeLessThanOrEqual(1e-4 * largest);
    }
  });

  it("gives the same map again for the same seed", async () => {
    const [first, second] = [await run(7, 5), await run(7, 5)];
    expect(second.map.values).toEqual(first.map.values);
    expect(second.record.params).toEqual(first.record.params);
  });

  it("makes as many evaluations as it says", async () => {
    const { record } = await run(7);
    const cost = method.cost(record.params, facts);
    // A line search takes as many steps as it needs, at most as many as declared.
    const isSearch = method.family === "perturbation" || method.family === "aop";
    const { forward, gradient } = record.counts;
    expect({
      f: isSearch ? Math.max(forward, cost.f) : forward,
      fb: isSearch ? Math.max(gradient, cost.fb) : gradient,
    }).toEqual(cost);
  });

  it("stops when aborted", async () => {
    const run = explain({ model, input, method, target: 2, params, signal: AbortSignal.abort() });
    await expect(run).rejects.toThrow(AbortedError);
    const late = new AbortController();
    let wasLate = false;
    const slow = explain({
      model: models.get(1)!,
      input,
      method,
      target: 2,
      params,
      signal: late.signal,
      onProgress({ done, total }) {
        if (done >= total) return;
        wasLate = true;
        late.abort();
      },
    });
    const outcome = await slow.then(
      () => "finished",
      (error: unknown) => (error instanceof AbortedError ? "aborted" : error),
    );
    // A method of a single evaluation has nothing to stop between.
    expect(outcome).toBe(wasLate ? "aborted" : "finished");
  });

  it("has a record that is plain JSON", async () => {
    const { record } = await run(7);
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
  });
});
