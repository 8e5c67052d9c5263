import { describe, expect, it } from "vitest";
import { convolution, pooledClassifier, randomTensor, smallModel } from "../../tests/support/small-model.ts";
import { upsampleLinear } from "../image/upsample.ts";
import { mersenneStream } from "../random/random-stream.ts";
import { randomStream } from "../random/random-stream.ts";
import { checkGradient } from "../runtime/check-gradient.ts";
import { smoothImage } from "../runtime/smooth-image.ts";
import { filled, tensor } from "../tensor/tensor.ts";
import { explain } from "./explain.ts";
import { methods } from "./index.ts";

const [depth, height, width] = [12, 16, 20] as const;
const center = { z: 8, y: 4, x: 13 };

/** A bright ball of radius 2.5 in weak noise, `[1, 1, D, H, W]`. */
function ball() {
  const random = mersenneStream(3);
  const volume = filled([1, 1, depth, height, width]);
  for (let place = 0; place < volume.data.length; place++) {
    const [z, y, x] = [
      Math.floor(place / (height * width)),
      Math.floor(place / width) % height,
      place % width,
    ];
    const distance = Math.hypot(z - center.z, y - center.y, x - center.x);
    volume.data[place] = 0.05 * random.normal() + (distance <= 2.5 ? 1 : 0);
  }
  return volume;
}

const input = ball();
const classWeights = [2, 0.5, -1, 3];

/** Means of blocks of 2 x 2 x 2 voxels, bright ones and dark ones, then global average pooling and a linear layer. */
const model = smallModel([1, depth, height, width], (g, x) => {
  const weights = tensor(
    [...Array.from({ length: 8 }, () => 1 / 8), ...Array.from({ length: 8 }, () => -1 / 8)],
    [2, 1, 2, 2, 2],
  );
  const blocks = g.node("Conv", [x, g.constant(weights), g.floats([-0.2, 0], [2])], {
    kernel_shape: [2, 2, 2],
    strides: [2, 2, 2],
  });
  return pooledClassifier(g, g.unary("Relu", blocks), tensor(classWeights, [2, 2]));
});

/** What CAM must be at the layer, worked out from the volume: w_0 relu(mean - 0.2) + w_1 relu(-mean) of each block. */
function expectedCam(): number[] {
  const places: number[] = [];
  for (let z = 0; z < depth; z += 2) {
    for (let y = 0; y < height; y += 2) {
      for (let x = 0; x < width; x += 2) {
        let mean = 0;
        for (let corner = 0; corner < 8; corner++) {
          const [dz, dy, dx] = [corner >> 2, (corner >> 1) & 1, corner & 1];
          mean += (input.data[((z + dz) * height + y + dy) * width + x + dx] ?? 0) / 8;
        }
        places.push(2 * Math.max(mean - 0.2, 0) + 0.5 * Math.max(-mean, 0));
      }
    }
  }
  return places;
}

/** The slice, row and column of the largest value. */
function peak(values: Float32Array): { z: number; y: number; x: number } {
  const at = values.indexOf(values.reduce((max, value) => Math.max(max, value), -Infinity));
  return { z: Math.floor(at / (height * width)), y: Math.floor(at / width) % height, x: at % width };
}

const volumeMethods = methods.filter((method) => method.explainsVolumes === true).map(({ name }) => name);

describe("explaining a volume", () => {
  it("gives the class activation map that the weights and the volume dictate", async () => {
    const expected = expectedCam();
    // Grad-CAM's weights are those of CAM over the number of places, layer-cam's as well where they are positive.
    const places = expected.length;
    for (const [method, scale] of [
      ["cam", 1],
      ["grad-cam", 1 / places],
      ["hires-cam", 1 / places],
      ["layer-cam", 1 / places],
    ] as const) {
      const { map, record } = await explain({ model, input, method, target: 0 });
      expect(map.native).toMatchObject({ depth: 6, height: 8, width: 10 });
      map.native?.values.forEach((value, place) =>
        expect(value / scale, `${method} at ${place}`).toBeCloseTo(expected[place] ?? Number.NaN, 5),
      );
      expect(map).toMatchObject({ depth, height, width });
      expect(record).toMatchObject({ shape: [depth, height, width], details: { layerSize: [2, 6, 8, 10] } });
    }
  });

  it("gives the gradient that the weights dictate", async () => {
    const { map } = await explain({ model, input, method: "gradient", target: 0, params: { reduce: "sum" } });
    expect(map.attribution?.dims).toEqual([1, depth, height, width]);
    const inside = (center.z * height + center.y) * width + center.x;
    // The block of the ball's centre is bright: w_0 / 8 voxels / 480 blocks.
    expect(map.values[inside]).toBeCloseTo(2 / 8 / 480, 8);
  });

  it.each(volumeMethods)(
    "%s gives a finite map of every slice, and those of the layer light up at the ball",
    async (method) => {
      const { map } = await explain({ model, input, method, target: 0 });
      expect(map.values).toHaveLength(depth * height * width);
      expect(map.values.every(Number.isFinite)).toBe(true);
      // The gradient of a voxel is the same in all of the ball, so only maps of the layer have their peak there.
      if (!/cam$|cam-pp$/.test(method)) return;
      const { z, y, x } = peak(map.values);
      expect(Math.hypot(z - center.z, y - center.y, x - center.x)).toBeLessThanOrEqual(3);
    },
  );

  it("names the methods that work where one does not", async () => {
    await expect(explain({ model, input, method: "rise" })).rejects.toThrow(
      /rise does not fit. It hides parts of an image in two dimensions.*These methods explain volumes: gradient, .*grad-cam/,
    );
  });

  it("chooses the last layer with a grid in three dimensions, down to a depth of 1", async () => {
    const deep = smallModel([1, 4, 8, 8], (g, x) => {
      const strided = { kernel_shape: [4, 2, 2], strides: [4, 2, 2] };
      const blocks = g.node("Conv", [x, g.constant(randomTensor([3, 1, 4, 2, 2], 1, 1))], strided);
      return pooledClassifier(g, g.unary("Relu", blocks), randomTensor([2, 3], 1, 2));
    });
    expect(deep.defaultLayer).toMatchObject({ channels: 3, depth: 1, height: 4, width: 4 });
    const volume = randomTensor([1, 1, 4, 8, 8], 1, 3);
    const { map } = await explain({ model: deep, input: volume, method: "grad-cam", target: 0 });
    expect(map.values.subarray(0, 64)).toEqual(map.values.subarray(192));
  });

  it("has the gradient and the layer of a residual network of three dimensions", async () => {
    const residual = smallModel([3, 8, 16, 16], (g, x) => {
      const cube = (from: string, weights: number, seed: number, strides = [1, 1, 1]): string => {
        const channels = g.size(from, 1);
        const kernel = g.constant(randomTensor([weights, channels, 3, 3, 3], 0.2, seed));
        const conv = g.node("Conv", [from, kernel], { strides, pads: [1, 1, 1, 1, 1, 1] });
        const vector = (value: number): string =>
          g.floats(
            Array.from({ length: weights }, () => value),
            [weights],
          );
        return g.node("BatchNormalization", [conv, vector(1.2), vector(0.1), vector(0.05), vector(0.9)]);
      };
      const stem = g.unary("Relu", cube(x, 4, 1, [1, 2, 2]));
      const pooled = g.node("MaxPool", [stem], { kernel_shape: [2, 2, 2], strides: [2, 2, 2] });
      const block = g.unary("Relu", g.add(pooled, cube(g.unary("Relu", cube(pooled, 4, 2)), 4, 3)));
      const last = g.unary("Relu", cube(block, 6, 4, [2, 2, 2]));
      return pooledClassifier(g, last, randomTensor([3, 6], 0.5, 5));
    });
    expect(residual.defaultLayer).toMatchObject({ channels: 6, depth: 2, height: 2, width: 2 });
    const image = smoothImage(residual, randomStream(0, "image"));
    const check = await checkGradient(residual, image, { index: 1 }, randomStream(0, "check"));
    expect(check).toMatchObject({ verdict: "pass" });
  });

  it("finds the grid of patches of a volume among tokens", async () => {
    const tokens = smallModel([1, 4, 8, 12], (g, x) => {
      const kernel = g.constant(randomTensor([5, 1, 2, 4, 4], 0.3, 1));
      const patches = g.node("Conv", [x, kernel], { strides: [2, 4, 4] });
      const rows = g.transpose(g.reshape(patches, ["batch", 5, 12]), [0, 2, 1]);
      const mixed = g.unary("Relu", g.matmul(rows, g.constant(randomTensor([5, 6], 0.5, 2))));
      return g.matmul(g.reduce("ReduceMean", mixed, [1], false), g.constant(randomTensor([6, 2], 0.5, 3)));
    });
    expect(tokens.defaultLayer).toMatchObject({
      channels: 6,
      depth: 2,
      height: 2,
      width: 3,
      layout: "tokens",
    });
    const volume = randomTensor([1, 1, 4, 8, 12], 1, 4);
    const { map } = await explain({ model: tokens, input: volume, method: "hires-cam" });
    expect(map).toMatchObject({ depth: 4, height: 8, width: 12 });
  });

  it("refuses an input of another shape with the shape that fits", async () => {
    const flat = { ...input, dims: [1, 1, depth * height, width] };
    await expect(explain({ model, input: flat, method: "grad-cam" })).rejects.toThrow(
      "input: expected [1, 1, 12, 16, 20], got [1, 1, 192, 20].",
    );
  });
});

describe("thin images and signals", () => {
  it("explains an image that is one pixel wide", async () => {
    const strip = smallModel([11, 60, 1], (g, x) =>
      pooledClassifier(
        g,
        g.unary("Relu", convolution(g, x, randomTensor([4, 11, 3, 1], 1, 1))),
        randomTensor([2, 4], 1, 2),
      ),
    );
    expect(strip.defaultLayer).toMatchObject({ channels: 4, height: 60, width: 1 });
    const image = randomTensor([1, 11, 60, 1], 1, 3);
    const { map } = await explain({ model: strip, input: image, method: "grad-cam" });
    expect(map).toMatchObject({ height: 60, width: 1 });
  });

  it("explains a signal as an image of height 1", async () => {
    const signal = smallModel([2, 40], (g, x) =>
      pooledClassifier(
        g,
        g.unary("Relu", convolution(g, x, tensor([0, 1, 0, 0, 0, 0], [1, 2, 3]))),
        tensor([1, -1], [2, 1]),
      ),
    );
    const input = filled([1, 2, 1, 40]);
    input.data[25] = 3;
    expect(signal.defaultLayer).toMatchObject({ channels: 1, height: 1, width: 40 });
    for (const method of ["grad-cam", "cam", "input-x-gradient", "ablation-cam"]) {
      const { map } = await explain({ model: signal, input, method, target: 0 });
      expect(map).toMatchObject({ height: 1, width: 40 });
      expect(map.values.indexOf(Math.max(...map.values)), method).toBe(25);
    }
    const { map } = await explain({
      model: signal,
      input: { ...input, dims: [1, 2, 40] },
      method: "cam",
      target: 0,
    });
    expect(map.values[25]).toBeCloseTo(3, 5);
  });
});

describe("upsampleLinear", () => {
  it("interpolates between slices with aligned edges, as along rows and columns", () => {
    const grid = { depth: 2, height: 1, width: 1, values: Float32Array.of(0, 4) };
    const { values } = upsampleLinear(grid, { depth: 4, height: 1, width: 1 });
    expect([...values]).toEqual([0, 1, 3, 4]);
  });
});
