import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { methodContext } from "../../../tests/support/method-context.ts";
import { smallConvolutional } from "../../../tests/support/small-models.ts";
import { AbortedError } from "../../errors.ts";
import { mersenneStream } from "../../random/random-stream.ts";
import type { GraphModel } from "../../runtime/graph-model.ts";
import type { Model } from "../../runtime/model.ts";
import { tensor } from "../../tensor/tensor.ts";
import type { Method, MethodProgress } from "../define-method.ts";
import { rise } from "../region/rise.ts";
import { iGos, iGosPp, meaningfulPerturbation } from "./optimizers.ts";

const draw = mersenneStream(5);
const input = tensor(
  Float32Array.from({ length: 3 * 256 }, (_, index) => Math.sin(index / 9) + 0.6 * draw.normal()),
  [1, 3, 16, 16],
);
let model: GraphModel;
beforeAll(() => {
  const random = mersenneStream(21);
  model = smallConvolutional(() => random.normal(), { batchSize: 16 });
});
afterAll(() => model.close());

/** The model, whose run number `last` never ends: it only hears of `fire`'s signals. */
function hangingAfter(last: number, fire: () => void): Model {
  let runs = 0;
  const whole: Model = model;
  return new Proxy(whole, {
    get(of, key): unknown {
      if (key === "run") {
        return (...args: Parameters<Model["run"]>) => {
          if (++runs < last) return of.run(...args);
          const { signal } = args[2];
          return new Promise((_, reject) => {
            signal?.addEventListener("abort", () => reject(new AbortedError("stopped")));
            fire();
          });
        };
      }
      const value: unknown = Reflect.get(of, key, of);
      return typeof value === "function" ? (value.bind(of) as unknown) : value;
    },
  });
}

describe("stopping in the middle of a run of the network", () => {
  it.each([
    [iGos, { iterations: 9, steps: 4, size: 4, l1Weight: 0.01 }],
    [iGosPp, { iterations: 9, steps: 4, size: 4, l1Weight: 0.01 }],
    [meaningfulPerturbation, { iterations: 90, size: 4 }],
  ] as const)(
    "gives the map, and history, of the last whole iteration: $name",
    async (method: Method, params) => {
      const stop = new AbortController();
      const seen: MethodProgress[] = [];
      const hanging = hangingAfter(30, () => stop.abort());
      const map = await method.explain(
        methodContext(method, hanging, input, {
          params,
          target: { index: 2 },
          stop: stop.signal,
          report: (progress) => seen.push(progress),
        }),
      );
      const last = seen.at(-1);
      expect(last?.done).toBeGreaterThan(0);
      expect(last?.done).toBeLessThan(last?.total ?? 0);
      expect(map.values).toEqual(last?.map?.().values);
      expect(map.details?.["finished"]).toBe(false);
      expect(map.details?.["history"]).toHaveLength(last?.done ?? 0);
    },
  );

  it("gives the mean of the whole batches where masks are sampled", async () => {
    const stop = new AbortController();
    const context = methodContext(
      rise,
      hangingAfter(3, () => stop.abort()),
      input,
      { params: { masks: 100 }, stop: stop.signal },
    );
    const short = methodContext(rise, model, input, { params: { masks: 32 } });
    expect((await rise.explain(context)).values).toEqual((await rise.explain(short)).values);
  });

  it("fails where it was aborted instead", async () => {
    const abort = new AbortController();
    const hanging = hangingAfter(30, () => abort.abort());
    const context = methodContext(iGos, hanging, input, {
      params: { iterations: 9, steps: 4, size: 4 },
      signal: abort.signal,
    });
    await expect(iGos.explain(context)).rejects.toThrow(AbortedError);
  });
});
