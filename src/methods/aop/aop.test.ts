import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { methodContext } from "../../../tests/support/method-context.ts";
import { smallConvolutional } from "../../../tests/support/small-models.ts";
import { straightforwardIGos } from "../../../tests/support/straightforward-i-gos.ts";
import { ParameterError } from "../../errors.ts";
import { gaussianBlur } from "../../image/gaussian-blur.ts";
import type { SaliencyMap } from "../../image/saliency-map.ts";
import { mersenneStream } from "../../random/random-stream.ts";
import type { GraphModel } from "../../runtime/graph-model.ts";
import { maskResampling, resample } from "../../runtime/mask-resampling.ts";
import { tensor } from "../../tensor/tensor.ts";
import { gradCam } from "../activation/grad-cam.ts";
import { wgradCam } from "../activation/wgrad-cam.ts";
import type { Method } from "../define-method.ts";
import { defineOptimizer } from "../perturbation/optimizer.ts";
import { findOptimizer, iGos, iGosPp, meaningfulPerturbation } from "../perturbation/optimizers.ts";
import { iGosOptimizer } from "../perturbation/i-gos.ts";
import { aop } from "./aop.ts";
import { aopMethod, parseAopName } from "./aop-method.ts";
import { baseMapDefaults, baseMask } from "./base-map.ts";
import { sigCam, sigCamCoco } from "./sig-cam.ts";

const side = 16;
const draw = mersenneStream(5);
// Smooth patches: a blur then changes the image without flattening it.
const input = tensor(
  Float32Array.from({ length: 3 * side * side }, (_, index) => Math.sin(index / 9) + 0.6 * draw.normal()),
  [1, 3, side, side],
);
const target = { index: 2 };
const small = { preset: "paper", size: 4, kernel: 9, sigma: 8 };

let model: GraphModel;
beforeAll(() => {
  const random = mersenneStream(21);
  model = smallConvolutional(() => random.normal());
});
afterAll(() => model.close());

function run(
  method: Method,
  params: Record<string, unknown>,
  on: GraphModel = model,
  seed = 0,
): Promise<SaliencyMap> {
  return method.explain(methodContext(method, on, input, { params, target, seed }));
}

interface History {
  readonly history: readonly {
    readonly objective: number;
    readonly objectiveBefore: number;
    readonly step: number;
    readonly evaluations: number;
    readonly isAccepted: boolean;
  }[];
}

describe("SIGCAM inside the graph", () => {
  it.each([1, 15])(
    "equals a straightforward implementation over %i iterations without noise",
    async (iterations) => {
      const map = await run(sigCam, { ...small, iterations, noise: "none", l1Weight: 0.1, tvWeight: 0.3 });
      const { history } = map.details as unknown as History;
      const base = await wgradCam.explain(methodContext(wgradCam, model, input, { target }));
      const start = baseMask(base.native!, baseMapDefaults, { height: 4, width: 4 }).mask;
      const kernels = [
        [1, 8 / 6],
        [3, 16 / 6],
        [5, 24 / 6],
        [7, 32 / 6],
        [7, 40 / 6],
      ];
      const expected = await straightforwardIGos({
        // The network itself is asked about dense composites, one at a time.
        score: async (x) => {
          const image = tensor(Float32Array.from(x), [1, 3, side, side]);
          const { scores, gradient } = await model.gradient(image, { target, score: "probability" });
          return { score: scores[0]!, gradient: [...gradient!.data] };
        },
        image: [...input.data],
        baselineAt: (t) => {
          const [size, sigma] = kernels[t] ?? [9, 8];
          return [...gaussianBlur(input, { size: size!, sigma: sigma! }).data];
        },
        channels: 3,
        height: side,
        width: side,
        maskSize: 4,
        start: [...start.values],
        alignCorners: false,
        iterations,
        steps: 20,
        lambda1: 0.1,
        lambda2: 0.3,
        adapts: true,
      });
      expect(start.values.some((value) => value < 1)).toBe(true);
      expect(history.map(({ evaluations }) => evaluations)).toEqual(
        expected.map(({ evaluations }) => evaluations),
      );
      history.forEach((record, t) => expect(record.objective).toBeCloseTo(expected[t]!.objective, 5));
      const mask = map.native!.values.map((value) => 1 - value);
      mask.forEach((value, cell) =>
        expect(Math.abs(value - expected.at(-1)!.mask[cell]!)).toBeLessThan(1e-3),
      );
    },
  );

  it("does not raise the objective where the line search succeeded", async () => {
    const map = await run(sigCam, { ...small, l1Weight: 0.1, tvWeight: 0.3 });
    const { history } = map.details as unknown as History;
    for (const record of history.filter(({ isAccepted }) => isAccepted)) {
      expect(record.objective).toBeLessThanOrEqual(record.objectiveBefore);
    }
    expect(history.some(({ isAccepted }) => isAccepted)).toBe(true);
  });

  it("is I-GOS bit for bit with lambda 0, or theta above 1, without a warm-up", async () => {
    const same = {
      ...small,
      iterations: 4,
      warmup: 0,
      noise: "gaussian",
      upsampling: "half-pixel",
      l1Weight: 0.1,
    };
    const plain = await run(iGos, same);
    for (const empty of [{ lambda: 0 }, { theta: 1.5 }]) {
      expect((await run(sigCam, { ...same, ...empty })).values).toEqual(plain.values);
    }
    expect((await run(sigCam, same)).values).not.toEqual(plain.values);
  });

  it("is the filtered, scaled base map without iterations", async () => {
    const map = await run(sigCam, { ...small, iterations: 0 });
    const base = await wgradCam.explain(methodContext(wgradCam, model, input, { target }));
    const start = baseMask(base.native!, baseMapDefaults, { height: 4, width: 4 }).mask;
    const up = maskResampling("half-pixel", start, { height: side, width: side });
    expect(map.values).toEqual(Float32Array.from(resample(up, start.values), (keep) => 1 - keep));
    expect(Math.max(...map.values)).toBeGreaterThan(0.05);
    expect(Math.max(...map.values)).toBeLessThanOrEqual(0.15 + 1e-6);
  });

  it("gives the same map for every batch size", async () => {
    const maps: Float32Array[] = [];
    for (const batchSize of [1, 7, 64]) {
      const random = mersenneStream(21);
      const other = smallConvolutional(() => random.normal(), { batchSize });
      maps.push((await run(sigCam, { ...small, iterations: 3, candidates: batchSize }, other)).values);
      await other.close();
    }
    // ONNX Runtime may sum in another order for another batch: the last bit, not the draw of the noise.
    for (const map of maps.slice(1))
      map.forEach((value, pixel) => expect(value).toBeCloseTo(maps[0]![pixel]!, 5));
  });

  it("gives the same bits for the same seed, and others for another", async () => {
    const params = { ...small, iterations: 2, l1Weight: 0.1 };
    const [first, again, other] = [
      await run(sigCam, params),
      await run(sigCam, params),
      await run(sigCam, params, model, 1),
    ];
    expect(first.values).toEqual(again.values);
    expect(first.values).not.toEqual(other.values);
  });

  it("counts 1 + iterations x steps gradients", async () => {
    const before = model.counts.gradient;
    await run(sigCam, { ...small, iterations: 3, steps: 4 });
    expect(model.counts.gradient - before).toBe(13);
    const facts = { layerChannels: 6, height: 4, width: 4 };
    expect(sigCam.cost(sigCam.params.parse({ iterations: 3, steps: 4 }), facts).fb).toBe(13);
  });

  it("takes at most 45 gradients unless asked for the paper's settings", async () => {
    const before = model.counts.gradient;
    const map = await run(sigCam, { kernel: 9, sigma: 8 });
    expect(model.counts.gradient - before).toBeLessThanOrEqual(45);
    expect(map.details).toMatchObject({
      settings: { steps: 5, quadrature: "gauss-legendre", size: 56, warmup: 3 },
    });
  });

  it("runs the paper's settings under the preset paper", async () => {
    const map = await run(sigCam, { preset: "paper", iterations: 1, steps: 1 });
    expect(map.details).toMatchObject({
      settings: { size: 28, warmup: 5, noise: "inverse-spread", quadrature: "equal", kernel: 51, sigma: 50 },
      baseMap: { settings: { theta: 0.7, lambda: 0.15 } },
    });
    const { fb } = sigCam.cost(sigCam.params.parse({ preset: "paper" }), {
      layerChannels: 6,
      height: 4,
      width: 4,
    });
    expect(fb).toBe(301);
  });

  it("has the preset fast as default, on COCO and alone the published settings", () => {
    const defaults = (method: Method): Record<string, unknown> => {
      const { properties } = z.toJSONSchema(method.params, { io: "input" }) as {
        properties: Record<string, { default: unknown }>;
      };
      return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, schema.default]));
    };
    expect(defaults(sigCam)).toMatchObject({
      preset: "fast",
      theta: 0.7,
      lambda: 0.15,
      size: 56,
      warmup: 3,
      iterations: 8,
      steps: 5,
      kernel: 51,
      sigma: 50,
      noise: "inverse-spread",
      noiseSpread: 0.25,
      upsampling: "half-pixel",
      l1Weight: 1,
      tvWeight: 20,
      initialStep: 200,
    });
    expect(defaults(sigCamCoco)).toMatchObject({
      preset: "paper",
      theta: 0.6,
      lambda: 0.25,
      size: 28,
      warmup: 5,
      iterations: 15,
      steps: 20,
    });
    expect(defaults(iGos)).toMatchObject({
      preset: "paper",
      iterations: 15,
      steps: 20,
      noise: "gaussian",
      noiseSigma: 0.2,
      upsampling: "align-corners",
      warmup: 0,
    });
  });
});

describe("aop", () => {
  it.each([
    ["grad-cam", "i-gos"],
    ["grad-cam", "emp"],
    ["wgrad-cam", "i-gos-pp"],
  ])("combines %s and %s by name", async (initialName, optimizerName) => {
    const lookup = {
      initial: (name: string) => [gradCam, wgradCam].find((method) => method.name === name),
      optimizer: findOptimizer,
    };
    const method = aopMethod(initialName, optimizerName, lookup);
    const map = await run(method, { ...small, iterations: 2 });
    expect(map.values).toHaveLength(side * side);
    expect(map.values.every(Number.isFinite)).toBe(true);
    expect(map.details).toMatchObject({ finished: true, baseMap: { method: initialName, isEmpty: false } });
  });

  it("takes names apart", () => {
    expect(parseAopName("aop:grad-cam+i-gos")).toEqual({ initial: "grad-cam", optimizer: "i-gos" });
    expect(parseAopName("grad-cam")).toBeUndefined();
  });

  it("names what it could not find", () => {
    const lookup = { initial: () => gradCam, optimizer: findOptimizer };
    expect(() => aopMethod("grad-cam", "adam", lookup)).toThrow(ParameterError);
    expect(() => aopMethod("grad-cam", "adam", lookup)).toThrow(/no optimiser named 'adam'/);
    expect(() => aopMethod("cam", "i-gos", { ...lookup, initial: () => undefined })).toThrow(
      /no method or map named 'cam'/,
    );
  });

  it("starts from a map that was made elsewhere", async () => {
    const values = Float32Array.from({ length: 64 }, (_, index) => (index % 8 < 4 ? 1 : 0));
    const method = aop({
      initial: { name: "left-half", map: { width: 8, height: 8, values } },
      optimizer: iGosOptimizer,
    });
    expect(method.name).toBe("aop:left-half+i-gos");
    const map = await run(method, { ...small, iterations: 0 });
    expect(map.values[0]).toBeCloseTo(0.15, 2);
    expect(map.values[side - 1]).toBe(0);
  });

  it("is the plain optimiser, and says so, where the base map is empty", async () => {
    const nothing = { name: "nothing", map: { width: 2, height: 2, values: new Float32Array(4) } };
    const map = await run(aop({ initial: nothing, optimizer: iGosOptimizer }), {
      ...small,
      iterations: 1,
      warmup: 0,
    });
    expect(map.details).toMatchObject({ baseMap: { isEmpty: true } });
  });

  it("runs an optimiser and a base method from user code", async () => {
    const shrink = defineOptimizer({
      name: "shrink",
      title: "Shrink",
      summary: "multiplies what is removed by a factor",
      paper: { authors: "-", year: 2024, url: "https://example.org" },
      params: z.strictObject({ factor: z.number().min(0).max(1).describe("what is left") }),
      defaults: { factor: 0.5 },
      aopDefaults: { upsampling: "half-pixel" },
      cost: () => ({ f: 0, fb: 0 }),
      async optimize({ initialMask }, { factor }) {
        const values = initialMask.values.map((keep) => 1 - factor * (1 - keep));
        return { mask: { ...initialMask, values }, history: [], isFinished: true };
      },
    });
    const method = aop({ initial: wgradCam, optimizer: shrink, defaults: { lambda: 1 } });
    const whole = await run(method, { ...small, factor: 1 });
    const half = await run(method, small);
    expect(Math.max(...whole.values)).toBeGreaterThan(0.5);
    half.values.forEach((value, pixel) => expect(value).toBeCloseTo(whole.values[pixel]! / 2, 6));
  });

  it("passes parameters on to the base method", async () => {
    const map = await run(sigCam, { ...small, iterations: 0, "base.score": "probability" });
    expect(map.details).toMatchObject({ layer: model.defaultLayer.name });
    expect(() => sigCam.params.parse({ layers: "x" })).toThrow(/layers/);
  });
});

describe("plain optimisers inside the graph", () => {
  it.each([
    ["I-GOS", iGos, { l1Weight: 0.1 }],
    ["iGOS++", iGosPp, { steps: 3 }],
    ["EMP", meaningfulPerturbation, {}],
    [
      "the original EMP",
      meaningfulPerturbation,
      { preset: "emp-original", straightThroughBlur: true, iterations: 3 },
    ],
  ])("lower the score of the class: %s", async (_, method, params) => {
    const map = await run(method, { iterations: 8, ...small, ...params });
    const { history } = map.details as { history: { score: number }[] } & Record<string, unknown>;
    expect(history.length).toBeGreaterThan(2);
    expect(history.at(-1)!.score).toBeLessThan(history[0]!.score + 0.05);
    for (const value of map.values) expect(value > -1e-6 && value < 1 + 1e-6).toBe(true);
  });

  it("say that the map is empty where the mask costs more than it can gain", async () => {
    const map = await run(iGos, { ...small, iterations: 2, l1Weight: 1000 });
    expect(map.degenerate).toMatchObject({
      code: "constant",
      message: expect.stringMatching(/Lower l1Weight/) as string,
    });
    expect((await run(iGos, { ...small, iterations: 2, l1Weight: 0.01 })).degenerate).toBeUndefined();
  });

  it("report an intermediate map of the size of the input", async () => {
    const maps: SaliencyMap[] = [];
    const context = methodContext(iGos, model, input, {
      params: { ...small, iterations: 2 },
      target,
      report: ({ map }) => map !== undefined && maps.push(map()),
    });
    const final = await iGos.explain(context);
    expect(maps).toHaveLength(3);
    expect([...maps[0]!.values].every((value) => value === 0)).toBe(true);
    expect(maps[2]!.values).toEqual(final.values);
  });
});
