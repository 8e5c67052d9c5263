import type { RandomStream } from "../../random/random-stream.ts";
import { maskedProgram } from "../../runtime/masked-input.ts";
import type { MaskResampling } from "../../runtime/mask-resampling.ts";
import type { Model, ProgramResult, ScoreKind, Target } from "../../runtime/model.ts";
import { filled, tensor, type AnyTensor, type Tensor } from "../../tensor/tensor.ts";
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
    const feeds = (part: readonly MaskedSample[]): Record<string, AnyTensor> => ({
      ...Object.fromEntries(
        maskNames.map((name, index) => [name, maskTensor(part.map(({ masks }) => masks[index]!))]),
      ),
      ...(probe === undefined ? {} : { probe: zeroMasks(part.length, probe) }),
      ...(has.gain
        ? { gain: perSample(part, ({ gain = 1, isInverted }) => (isInverted === true ? -gain : gain)) }
        : {}),
      ...(has.offset ? { offset: perSample(part, ({ isInverted }) => (isInverted === true ? 1 : 0)) } : {}),
      ...(has.noise ? { noise: noiseTensor(part, [channels, height, width]) } : {}),
    });
    // Noise is as large as the images: only two batches of it exist at a time, and one is drawn while the other runs.
    const batchSize = has.noise ? model.batchSize(gradient ? "gradient" : "forward") : samples.length;
    const results: ProgramResult[] = [];
    let running: Promise<ProgramResult> | undefined;
    for (let start = 0; start < samples.length; start += batchSize) {
      const batched = feeds(samples.slice(start, start + batchSize));
      if (running !== undefined) results.push(await running);
      running = model.run(program, { batched, shared: { ...images } }, { target, score, signal });
    }
    if (running !== undefined) results.push(await running);
    const gradientNames = gradient ? (probe === undefined ? maskNames : ["probe"]) : [];
    return {
      scores: Float64Array.from(results.flatMap(({ scores }) => [...scores])),
      gradients: gradientNames.map((name) =>
        results.flatMap(({ outputs }) => rowsOf(outputs[`gradient:${name}`]!)),
      ),
    };
  };

  return {
    resampling,
    scores: async (samples, images, signal) => (await run(samples, images, false, signal)).scores,
    gradients: (samples, images, signal) => run(samples, images, true, signal),
  };
}

function perSample(samples: readonly MaskedSample[], value: (sample: MaskedSample) => number): Tensor {
  return tensor(samples.map(value), [samples.length, 1, 1, 1]);
}

function zeroMasks(count: number, { rows, columns }: MaskResampling): Tensor {
  return filled([count, 1, rows.columnCount, columns.columnCount]);
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
