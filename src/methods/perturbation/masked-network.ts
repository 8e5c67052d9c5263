import type { RandomStream } from "../../random/random-stream.ts";
import { maskedProgram } from "../../runtime/masked-input.ts";
import type { MaskResampling } from "../../runtime/mask-resampling.ts";
import type { Model, ScoreKind, Target } from "../../runtime/model.ts";
import { tensor, type AnyTensor, type Tensor } from "../../tensor/tensor.ts";
import { maskTensor, type Mask } from "./mask.ts";
import { drawNoise, type NoiseLevel } from "./noise.ts";

/** One image that the network is asked about: background + (foreground - background) * V + noise. */
export interface MaskedSample {
  /** One mask, or several whose upsampled product counts. */
  readonly masks: readonly Mask[];
  /** V = gain * up(masks). Default 1: no path. */
  readonly gain?: number;
  /** V = 1 - gain * up(masks): foreground and background swapped (insertion). */
  readonly isInverted?: boolean;
  readonly noise?: { readonly level: NoiseLevel; readonly stream: RandomStream };
}

/** The two images that a mask chooses from, `[1, C, H, W]` in input space. */
export interface MaskedImages {
  readonly foreground: Tensor;
  readonly background: Tensor;
}

/** Scores and, for each mask input, its gradient for each sample: `gradients[mask][sample]`. */
export interface MaskedGradients {
  readonly scores: Float64Array;
  readonly gradients: readonly (readonly Float64Array[])[];
}

/** A network seen through a mask: all that a mask optimiser knows of it. */
export interface MaskedNetwork {
  readonly resampling: MaskResampling;
  /** Scores of the target; forward passes only. */
  scores(samples: readonly MaskedSample[], images: MaskedImages, signal?: AbortSignal): Promise<Float64Array>;
  /** Scores and their gradients with respect to the masks. */
  gradients(
    samples: readonly MaskedSample[],
    images: MaskedImages,
    signal?: AbortSignal,
  ): Promise<MaskedGradients>;
}

export interface MaskedNetworkOptions {
  readonly model: Model;
  readonly target: Target;
  readonly score: ScoreKind;
  readonly resampling: MaskResampling;
  /** Gradients as if the masks had been upsampled by this one instead (straight through the mask's blur). One mask only. */
  readonly gradientResampling?: MaskResampling | undefined;
}

/** A model seen through masks that are upsampled and blended inside the graph. */
export function maskedNetwork(options: MaskedNetworkOptions): MaskedNetwork {
  const { model, target, score, resampling, gradientResampling } = options;
  const { channels, height, width } = model;

  const run = async (
    samples: readonly MaskedSample[],
    images: MaskedImages,
    gradient: boolean,
    signal?: AbortSignal,
  ) => {
    const maskNames = (samples[0]?.masks ?? []).map((_, index) =>
      index === 0 ? "mask" : `mask${index + 1}`,
    );
    const has = {
      gain: samples.some((sample) => (sample.gain ?? 1) !== 1 || sample.isInverted === true),
      offset: samples.some((sample) => sample.isInverted === true),
      noise: samples.some((sample) => sample.noise !== undefined),
    };
    const probe = gradient ? gradientResampling : undefined;
    const program = maskedProgram({
      channels,
      height,
      width,
      resampling,
      masks: maskNames,
      gradient,
      ...has,
      ...(probe === undefined ? {} : { probe }),
    });
    const batched: Record<string, AnyTensor> = {};
    maskNames.forEach((name, index) => {
      batched[name] = maskTensor(samples.map((sample) => sample.masks[index]!));
    });
    if (probe !== undefined) {
      const [rows, columns] = [probe.rows.columnCount, probe.columns.columnCount];
      batched["probe"] = tensor(new Float32Array(samples.length * rows * columns), [
        samples.length,
        1,
        rows,
        columns,
      ]);
    }
    const perSample = (value: (sample: MaskedSample) => number): Tensor =>
      tensor(samples.map(value), [samples.length, 1, 1, 1]);
    if (has.gain)
      batched["gain"] = perSample(({ gain = 1, isInverted }) => (isInverted === true ? -gain : gain));
    if (has.offset) batched["offset"] = perSample(({ isInverted }) => (isInverted === true ? 1 : 0));
    if (has.noise) batched["noise"] = noiseTensor(samples, [channels, height, width]);
    const result = await model.run(program, { batched, shared: { ...images } }, { target, score, signal });
    const gradientNames = probe === undefined ? maskNames : ["probe"];
    const gradients = gradient
      ? gradientNames.map((name) => rowsOf(result.outputs[`gradient:${name}`]!))
      : [];
    return { scores: result.scores, gradients };
  };

  return {
    resampling,
    scores: async (samples, images, signal) => (await run(samples, images, false, signal)).scores,
    gradients: (samples, images, signal) => run(samples, images, true, signal),
  };
}

function noiseTensor(samples: readonly MaskedSample[], dims: readonly [number, number, number]): Tensor {
  const size = dims[0] * dims[1] * dims[2];
  const noise = tensor(new Float32Array(samples.length * size), [samples.length, ...dims]);
  samples.forEach((sample, index) => {
    if (sample.noise === undefined) return;
    drawNoise(
      noise.data.subarray(index * size, (index + 1) * size),
      sample.noise.level,
      dims[0],
      sample.noise.stream,
    );
  });
  return noise;
}

function rowsOf({ data, dims }: Tensor): readonly Float64Array[] {
  const count = dims[0] ?? 0;
  const size = data.length / Math.max(count, 1);
  return Array.from({ length: count }, (_, index) =>
    Float64Array.from(data.subarray(index * size, (index + 1) * size)),
  );
}
