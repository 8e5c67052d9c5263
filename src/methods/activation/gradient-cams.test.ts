import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { analyticModel } from "../../../tests/support/analytic-model.ts";
import { methodContext } from "../../../tests/support/method-context.ts";
import { tensor } from "../../tensor/tensor.ts";
import type { Method } from "../define-method.ts";
import { cam } from "./cam.ts";
import { eigenCam } from "./eigen-cam.ts";
import { gradCamPp } from "./grad-cam-pp.ts";
import { gradCam } from "./grad-cam.ts";
import { hiresCam } from "./hires-cam.ts";
import { layerCam } from "./layer-cam.ts";
import { wgradCam } from "./wgrad-cam.ts";
import { xGradCam } from "./x-grad-cam.ts";

const input = tensor(new Float32Array(16), [1, 1, 4, 4]);

/** A network whose layer has the given activations and gradients, whatever the image. */
function layerOf(
  activations: readonly number[],
  gradients: readonly number[],
  [channels, height, width]: readonly [number, number, number],
) {
  return analyticModel({
    height: 4,
    width: 4,
    logits: () => [1, 2],
    layer: { channels, height, width, activations: () => activations, gradients: () => gradients },
  });
}

const golden = layerOf([1, 2, 0, 3, 2, 0, 1, 1], [0.5, -0.5, 1, 1, -1, 0, 0.5, -0.5], [2, 2, 2]);

async function nativeOf<Schema extends z.ZodObject>(
  method: Method<Schema>,
  params: z.input<Schema>,
  model = golden,
): Promise<number[]> {
  const { native } = await method.explain(methodContext(method, model, input, { params }));
  return [...(native?.values ?? [])];
}

function close(expected: readonly number[]): unknown[] {
  return expected.map((value) => expect.closeTo(value, 5) as unknown);
}

describe("the golden maps", () => {
  it("Grad-CAM", async () => expect(await nativeOf(gradCam, {})).toEqual(close([0, 1, -0.25, 1.25])));
  it("WGradCAM", async () =>
    expect(await nativeOf(wgradCam, {})).toEqual(close([-0.375, 1.25, -0.5, 1.375])));
  it("XGradCAM", async () =>
    expect(await nativeOf(xGradCam, {})).toEqual(close([-0.583333, 0.833333, -0.5, 0.75])));
  it("HiResCAM", async () => expect(await nativeOf(hiresCam, {})).toEqual(close([-1.5, -1, 0.5, 2.5])));
  it("LayerCAM", async () => expect(await nativeOf(layerCam, {})).toEqual(close([0.5, 0, 0.5, 3])));
  it("Grad-CAM++", async () =>
    expect(await nativeOf(gradCamPp, {})).toEqual(close([0.6, 0.7, 0.125, 1.175])));
  it("Grad-CAM++ with the other denominator", async () =>
    expect(await nativeOf(gradCamPp, { denominator: "activation-times-gradient" })).toEqual(
      close([0.280627, 0.894587, -0.083333, 1.258547]),
    ));
  it("Eigen-CAM", async () =>
    expect(await nativeOf(eigenCam, {})).toEqual(close([1.767681, 1.802606, 0.433189, 3.137098])));
  it("Eigen-CAM, centred, up to the sign that the rule leaves open", async () => {
    const map = await nativeOf(eigenCam, { centred: true });
    const sign = Math.sign(map[3] ?? 0);
    expect(map.map((value) => sign * value)).toEqual(close([-0.76833, 0.76833, -1.435638, 1.435638]));
  });
});

describe("the map of the image's size", () => {
  it("is the upsampled positive part, not normalised", async () => {
    const map = await gradCam.explain(methodContext(gradCam, golden, input));
    expect([map.width, map.height]).toEqual([4, 4]);
    expect([...map.values.subarray(0, 4)]).toEqual(close([0, 0.25, 0.75, 1]));
    expect([...map.values.subarray(12)]).toEqual(close([0, 0.3125, 0.9375, 1.25]));
    expect(map.details?.["layer"]).toBe("features");
  });

  it("is the mean of the normalised maps of several layers", async () => {
    const one = await gradCam.explain(methodContext(gradCam, golden, input));
    const two = await gradCam.explain(
      methodContext(gradCam, golden, input, { params: { layer: ["features", "features"] } }),
    );
    expect([...two.values]).toEqual(close([...one.values].map((value) => value / 1.25)));
    expect(two.native).toBeUndefined();
  });
});

describe("identities on global average pooling and a linear layer", () => {
  const weights = [0.8, -1.2, 0.3];
  const activations = [1, 0.5, 0, 2, 0.2, 3, 1, 1, 0.7, 0, 0.1, 0.4];
  const model = layerOf(
    activations,
    activations.map((_, index) => weights[Math.floor(index / 4)]! / 4),
    [3, 2, 2],
  );
  const camMap = [0, 1, 2, 3].map((place) =>
    weights.reduce((sum, weight, channel) => sum + weight * activations[channel * 4 + place]!, 0),
  );

  it("CAM is the classifier's weights on the channels", async () =>
    expect(await nativeOf(cam, {}, model)).toEqual(close(camMap)));
  it("Grad-CAM and HiResCAM are CAM / Z", async () => {
    const expected = camMap.map((value) => value / 4);
    expect(await nativeOf(gradCam, {}, model)).toEqual(close(expected));
    expect(await nativeOf(hiresCam, {}, model)).toEqual(close(expected));
  });
  it("HiResCAM sums to the logit", async () => {
    const logit = weights.reduce(
      (sum, weight, channel) =>
        sum + (weight * activations.slice(channel * 4, channel * 4 + 4).reduce((a, b) => a + b)) / 4,
      0,
    );
    expect((await nativeOf(hiresCam, {}, model)).reduce((a, b) => a + b)).toBeCloseTo(logit, 5);
  });
  it("WGradCAM weights are XGradCAM weights times the mean activation", async () => {
    const means = [0, 1, 2].map(
      (channel) => activations.slice(channel * 4, channel * 4 + 4).reduce((a, b) => a + b) / 4,
    );
    const expected = [0, 1, 2, 3].map((place) =>
      weights.reduce(
        (sum, weight, channel) => sum + ((weight * means[channel]!) / 4) * activations[channel * 4 + place]!,
        0,
      ),
    );
    expect(await nativeOf(wgradCam, {}, model)).toEqual(close(expected));
  });
});

describe("CAM", () => {
  it("refuses a network that is not global average pooling and linear", async () => {
    await expect(nativeOf(cam, {})).rejects.toThrow(/differs from place to place/);
  });
});

describe("Grad-CAM++", () => {
  it("keeps its map when gradients are as small as 1e-4, and at any scale", async () => {
    const small = layerOf(
      [1, 2, 0, 3, 2, 0, 1, 1],
      [0.5, -0.5, 1, 1, -1, 0, 0.5, -0.5].map((g) => g * 1e-6),
      [2, 2, 2],
    );
    const map = await nativeOf(gradCamPp, {}, small);
    expect(Math.max(...map)).toBeGreaterThan(0);
  });
  it("stays finite where the denominator vanishes", async () => {
    const vanishing = layerOf([-2, 0, 0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0, 0], [2, 2, 2]);
    for (const value of await nativeOf(gradCamPp, {}, vanishing)) expect(Number.isFinite(value)).toBe(true);
  });
});

describe("Eigen-CAM", () => {
  it("gives T for A_k = c_k T", async () => {
    const template = [0.5, 1, 2, 4];
    const model = layerOf(
      [...template, ...template.map((t) => 3 * t)],
      Array.from({ length: 8 }, () => 0),
      [2, 2, 2],
    );
    const map = await nativeOf(eigenCam, {}, model);
    expect(map.map((value) => value / map[0]!)).toEqual(close([1, 2, 4, 8]));
  });
  it("centred, makes the largest absolute value positive", async () => {
    const model = layerOf([5, 0, 0, 0], [0, 0, 0, 0], [1, 2, 2]);
    expect(await nativeOf(eigenCam, { centred: true }, model)).toEqual(close([3.75, -1.25, -1.25, -1.25]));
  });
});

describe("a map that says nothing", () => {
  const codeOf = async (
    activations: number[],
    gradients: number[],
    size: readonly [number, number, number],
  ) =>
    (await gradCam.explain(methodContext(gradCam, layerOf(activations, gradients, size), input))).degenerate
      ?.code;

  it("names a dead layer", async () => expect(await codeOf([0, 0], [1, 1], [1, 1, 2])).toBe("dead-layer"));
  it("names a zero gradient", async () =>
    expect(await codeOf([1, 2], [0, 0], [1, 1, 2])).toBe("zero-gradient"));
  it("names a layer of one place", async () =>
    expect(await codeOf([1, 2], [1, 1], [2, 1, 1])).toBe("layer-of-1x1"));
  it("names weights that are all negative", async () =>
    expect(await codeOf([1, 2], [-1, -1], [1, 1, 2])).toBe("all-weights-negative"));
  it("names a map that is negative everywhere", async () =>
    expect(await codeOf([1, 1, 9, 9], [1, 1, -1, -1], [2, 1, 2])).toBe("all-negative"));
  it("names a constant map", async () => expect(await codeOf([1, 1], [1, 1], [1, 1, 2])).toBe("constant"));
  it("names values that are not finite", async () =>
    expect(await codeOf([1, Infinity], [1, 1], [1, 1, 2])).toBe("non-finite"));
  it("says nothing of a sound map", async () =>
    expect(await codeOf([1, 2], [1, 1], [1, 1, 2])).toBeUndefined());
});

describe("a positive factor on the logits", () => {
  const gradients = [0.5, -0.5, 1, 1, -1, 0, 0.5, -0.5];
  const scaled = layerOf(
    [1, 2, 0, 3, 2, 0, 1, 1],
    gradients.map((g) => 8 * g),
    [2, 2, 2],
  );

  // Not Grad-CAM++: its alpha compares G^2 with G^3.
  it.each([gradCam, wgradCam, xGradCam, hiresCam] as const)("scales the map of $name", async (method) => {
    const map = await nativeOf(method, {});
    expect(await nativeOf(method, {}, scaled)).toEqual(close(map.map((value) => 8 * value)));
  });
});
