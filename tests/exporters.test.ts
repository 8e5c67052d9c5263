import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { spatialDims } from "../src/image/extent.ts";
import { explain, loadImage, loadModel, type NodeModel } from "../src/node.ts";
import { tensor, type Tensor } from "../src/tensor/tensor.ts";
import { relativeError, seededInput, type GradientSample } from "./support/shared-models.ts";

/**
 * Classifiers as the exporters of PyPI write them, against gradients by the frameworks that they came from. Small ones lie in
 * tests/models/exporters; `EXPORTED=FOLDER` checks those that scripts/exporters/make.py has written to a folder, too.
 */
interface Case extends GradientSample {
  readonly exporter: string;
  /** Values of further inputs that the exporter left open, one number a channel (channels last). */
  readonly feeds?: Readonly<Record<string, readonly number[]>>;
  readonly logits: readonly number[];
  /**
   * Height and width (of a volume: depth first) of the layer that CAM methods use by default, where that is settled; `null`: there
   * need not be one.
   */
  readonly grid?: readonly number[] | null;
  /** Relative error of scores and gradient that the file's own numbers allow (float16). */
  readonly tolerance?: number;
  /** Quantised files: the gradient is that of the float model in direction, at least this alike. */
  readonly cosine?: number;
  /** What the refusal says where the file has no gradient. */
  readonly refused?: string;
  /** Class names that the file holds. */
  readonly labels?: readonly string[];
  /** The file, where it is not beside this description under its name. */
  readonly file?: string;
  /** A photograph and what the exporter's own preprocessing makes of it: every so many values. */
  readonly photograph?: { readonly file: string; readonly pixels: readonly number[] };
  /** True if a refused file gives scores all the same. */
  readonly is_scored?: boolean;
  /** How runs of several images are made. Default: not settled. */
  readonly form?: "free" | "freed" | "fixed";
}

const small = resolve(import.meta.dirname, "models/exporters");
const given = process.env["EXPORTED"];
const only = new RegExp(process.env["EXPORTED_ONLY"] ?? "");
const cases = [small, ...(given === undefined ? [] : [given])].flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".json") && only.test(file))
    .map((file) => {
      const wanted = JSON.parse(readFileSync(join(folder, file), "utf8")) as Case;
      return {
        name: file.slice(0, -5),
        folder,
        path: join(folder, wanted.file ?? file.replace(/json$/, "onnx")),
        wanted,
      };
    }),
);
const refused = cases.filter(({ wanted }) => wanted.refused !== undefined);

/** The model; without fusions by default, which sum in another order than the frameworks do. */
function open(
  path: string,
  { input: { shape }, feeds = {} }: Case,
  optimization: "disabled" | "all" = "disabled",
): Promise<NodeModel> {
  return loadModel(path, {
    threads: 1,
    optimization,
    size: shape.slice(2) as [number, number],
    feeds: Object.fromEntries(
      Object.entries(feeds).map(([input, values]) => [input, tensor(values, [1, 1, 1, values.length])]),
    ),
  });
}

function inputOf({ input: { shape, seed, lo, hi } }: Case): Tensor {
  return tensor(seededInput(shape, seed, lo, hi), shape);
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (u: readonly number[], v: readonly number[]): number =>
    u.reduce((sum, value, index) => sum + value * (v[index] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/**
 * The error of a model's gradient against the framework's: of samples and of the size, or (`cosine`) of the direction.
 */
async function gradientErrorOf(model: NodeModel, wanted: Case, target: { index: number }): Promise<number> {
  const { gradient } = await model.gradient(inputOf(wanted), { target });
  const { samples, sample_indices: indices, l2 } = wanted.input_gradient;
  const found = indices.map((index) => gradient?.data[index] ?? Number.NaN);
  if (wanted.cosine !== undefined) return 1 - cosine(found, samples);
  const size = Math.sqrt(gradient?.data.reduce((sum, value) => sum + value * value, 0) ?? 0);
  return Math.max(relativeError(found, samples), Math.abs(size / l2 - 1));
}

const photographed = cases.filter(({ wanted }) => wanted.photograph !== undefined);

describe("classifiers from exporters", () => {
  it.skipIf(photographed.length === 0).each(photographed)(
    "$name finds its preprocessing",
    async ({ path, folder, wanted: { photograph, input } }) => {
      const model = await loadModel(path, { threads: 1 });
      try {
        expect([model.height, model.width]).toEqual(input.shape.slice(2));
        const made = await loadImage(join(folder, photograph?.file ?? ""), model);
        const wanted = photograph?.pixels ?? [];
        const step = Math.floor(made.input.data.length / 500);
        const found = wanted.map((_, index) => made.input.data[index * step] ?? Number.NaN);
        // In grey levels, to which the processors round between scaling and normalisation.
        const greys = 255 * (model.preprocess.normalization.std[0] ?? 1);
        const squares = wanted.map((value, index) => (greys * (value - (found[index] ?? Number.NaN))) ** 2);
        const error = Math.sqrt(squares.reduce((sum, value) => sum + value, 0) / squares.length);
        expect(error).toBeLessThan(1);
      } finally {
        await model.close();
      }
    },
  );

  it.skipIf(refused.length === 0).each(refused)("$name is refused", async ({ path, wanted }) => {
    const model = await open(path, wanted);
    try {
      const target = { index: wanted.class_index };
      await expect(model.gradient(inputOf(wanted), { target })).rejects.toThrow(wanted.refused);
      if (wanted.is_scored !== true) return;
      expect(model.labels).toEqual(wanted.labels);
      const { data } = await model.logits(inputOf(wanted));
      expect(relativeError(Array.from(data), wanted.logits)).toBeLessThan(1e-4);
    } finally {
      await model.close();
    }
  });

  it.each(cases.filter((entry) => !refused.includes(entry)))("$name", async ({ path, wanted }) => {
    const model = await open(path, wanted);
    try {
      // A network of one output is read as two classes, for and against.
      const first = wanted.logits.length === 1 ? 1 : 0;
      const target = { index: wanted.class_index + first };
      const input = inputOf(wanted);
      const logits = await model.logits(input);
      const { layers, batch } = model.network;
      const { tolerance = 1e-4, cosine: least, grid, form } = wanted;
      const allowed = least === undefined ? tolerance : 1 - least;
      let gradientError = await gradientErrorOf(model, wanted, target);
      if (gradientError >= allowed) {
        // A sum in another order flips the mask of a ReLU within rounding of its kink: one of the two orders has to agree.
        const fused = await open(path, wanted, "all");
        gradientError = await gradientErrorOf(fused, wanted, target);
        await fused.close();
      }
      expect
        .soft(relativeError(logits.data.slice(first, 100), wanted.logits), "scores")
        .toBeLessThan(tolerance);
      expect.soft(gradientError, "gradient").toBeLessThan(allowed);
      expect.soft(model.labels, "labels").toEqual(wanted.labels ?? model.labels);
      expect.soft(batch.kind, "batch").toBe(form ?? batch.kind);
      const [layer] = layers;
      const places = layer && spatialDims(layer);
      expect.soft(places, "grid").toEqual(grid ?? places);
      if (layer === undefined && grid === null) return;
      const { map } = await explain({ model, input, target, method: "grad-cam", params: {} });
      expect(spatialDims(map)).toEqual(wanted.input.shape.slice(2));
      expect(map.values.every(Number.isFinite)).toBe(true);
    } finally {
      await model.close();
    }
  });
});
