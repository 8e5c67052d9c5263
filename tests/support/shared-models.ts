import {
  existsSync,
  mkdirSync,
  copyFileSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeSync,
  closeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Reference models outside the repository; tests that use them are skipped where they are not. */
export const sharedModels = resolve(import.meta.dirname, "../../../shared/models");
export const hasSharedModels = existsSync(join(sharedModels, "resnet50", "golden.json"));

/** Mulberry32, the generator that the reference weights and inputs are drawn from. */
export function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface SeededTensor {
  readonly dims: readonly number[];
  readonly offset: number;
  readonly seed: number;
  readonly lo: number;
  readonly hi: number;
}

/** The path of a complete reference model; its weights are drawn once a machine, into the temporary folder. */
export function sharedModelPath(name: string): string {
  const source = join(sharedModels, name);
  const folder = join(tmpdir(), "onnx-saliency-reference", name);
  const weights = join(folder, "weights.bin");
  if (!existsSync(weights)) {
    mkdirSync(folder, { recursive: true });
    copyFileSync(join(source, "model.onnx"), join(folder, "model.onnx"));
    const { tensors } = JSON.parse(readFileSync(join(source, "weights.json"), "utf8")) as {
      tensors: readonly SeededTensor[];
    };
    const partial = `${weights}.${process.pid}`;
    const file = openSync(partial, "w");
    for (const { dims, offset, seed, lo, hi } of tensors) {
      const next = mulberry32(seed);
      const values = Float32Array.from(
        { length: dims.reduce((a, b) => a * b, 1) },
        () => lo + (hi - lo) * next(),
      );
      writeSync(file, new Uint8Array(values.buffer), 0, values.byteLength, offset);
    }
    closeSync(file);
    renameSync(partial, weights);
  }
  return join(folder, "model.onnx");
}

/** A seeded input, a class, and what an independent program gives as the gradient of its logit, at some places. */
export interface GradientSample {
  readonly input: {
    readonly seed: number;
    readonly lo: number;
    readonly hi: number;
    readonly shape: readonly number[];
  };
  readonly class_index: number;
  readonly input_gradient: {
    readonly l2: number;
    readonly sample_indices: readonly number[];
    readonly samples: readonly number[];
  };
}

/** Names of the exported families in the zoo. */
export function zooNames(): readonly string[] {
  return hasSharedModels ? readdirSync(join(sharedModels, "zoo")).sort() : [];
}

export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(join(sharedModels, name, "golden.json"), "utf8")) as T;
}

/** The input that golden values are for: uniform in lo..hi. */
export function seededInput(shape: readonly number[], seed: number, lo: number, hi: number): Float32Array {
  const next = mulberry32(seed);
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => lo + (hi - lo) * next());
}

/** |a - b| / |b|, Euclidean. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  let size = 0;
  for (let index = 0; index < b.length; index++) {
    difference += ((a[index] ?? 0) - (b[index] ?? 0)) ** 2;
    size += (b[index] ?? 0) ** 2;
  }
  return Math.sqrt(difference / size);
}
