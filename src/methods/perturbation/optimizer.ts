import type { z } from "zod";
import type { RandomStream } from "../../random/random-stream.ts";
import type { MaskResampling } from "../../runtime/mask-resampling.ts";
import type { Model, Target } from "../../runtime/model.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { MethodCost, Paper } from "../define-method.ts";
import type { Mask } from "./mask.ts";
import type { MaskSettings } from "./mask-settings.ts";

/** One line of a loss history. Values are those after the iteration's step; `l1` and `tv` are without their weights. */
export interface OptimizationRecord {
  readonly score: number;
  readonly l1: number;
  readonly tv: number;
  /** What is minimised: score + l1Weight * l1 + tvWeight * tv. */
  readonly objective: number;
  /** The same before the step, under the same baseline and weights. */
  readonly objectiveBefore: number;
  readonly l1Weight: number;
  /** Step length taken; optimisers without a line search give their learning rate. */
  readonly step: number;
  /** Candidates that the line search looked at. */
  readonly evaluations: number;
  /** False if the line search ended at its smallest step without success. */
  readonly isAccepted: boolean;
}

/** Where an optimiser stands, after an iteration. */
export interface OptimizerProgress {
  readonly iteration: number;
  readonly iterations: number;
  readonly objective: number;
  readonly mask: Mask;
  /** The iteration's line of the loss history: what is kept of it if the next iteration is broken off. */
  readonly record?: OptimizationRecord;
}

/** What an optimiser is given: a model, an image, and a mask to start from. */
export interface MaskProblem {
  readonly model: Model;
  /** The network input `[1, C, H, W]`, in input space. */
  readonly input: Tensor;
  readonly target: Target;
  /** Keep-mask to start from (1 keeps); ones for the plain method, 1 minus the base map for AOP. */
  readonly initialMask: Mask;
  /** Takes a mask to the size of the input. */
  readonly resampling: MaskResampling;
  /** The same without the blur of the full-size mask. */
  readonly sharpResampling: MaskResampling;
  /** The image shown where the mask is 0, `[1, C, H, W]`: weaker during the warm-up, then always the same tensor. */
  baselineAt(iteration: number): Tensor;
  /** A random stream of its own for each list of keys. */
  random(...keys: readonly (string | number)[]): RandomStream;
  readonly signal?: AbortSignal | undefined;
  /**
   * Fires when a budget is spent: return the mask as it is, with `isFinished: false`. `signal` fires with it, to break off
   * the run under way; an optimiser that lets that error pass is taken to be where it last reported to be.
   */
  readonly stop?: AbortSignal | undefined;
  report(progress: OptimizerProgress): void;
}

export interface OptimizedMask {
  /** The keep-mask found; saliency is 1 minus its upsampling. */
  readonly mask: Mask;
  readonly history: readonly OptimizationRecord[];
  /** False if `stop` fired before the last iteration. */
  readonly isFinished: boolean;
}

/**
 * Learns a keep-mask for an image. A plain method starts it from ones, AOP from an activation map. Everything about
 * masks that is not the optimiser's own (size, upsampling, baseline, warm-up) is done for it.
 */
export interface Optimizer<Schema extends z.ZodObject = z.ZodObject> {
  /** kebab-case id; also the id of the plain method. */
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly paper: Paper;
  /** Its own parameters, without defaults: those are in `defaults`, so that presets can replace them. */
  readonly params: Schema;
  readonly defaults: z.output<Schema>;
  /** Where its mask settings differ from the common defaults. */
  readonly maskDefaults?: Partial<MaskSettings>;
  /** What it does differently as the second stage of AOP. */
  readonly aopDefaults?: Partial<z.output<Schema> & MaskSettings>;
  /** Named sets of parameters and mask settings; `paper` is always there and changes nothing. */
  readonly presets?: Readonly<Record<string, Partial<z.output<Schema> & MaskSettings>>>;
  /** What a preset sets besides as the second stage of AOP. */
  readonly aopPresets?: Readonly<Record<string, Partial<z.output<Schema> & MaskSettings>>>;
  /** The preset that AOP takes unless another is asked for; default `paper`. */
  readonly aopPreset?: string;
  /** The most evaluations one explanation takes. */
  cost(params: z.output<Schema>): MethodCost;
  optimize(problem: MaskProblem, params: z.output<Schema>): Promise<OptimizedMask>;
}

/** Declares an optimiser; only there for type inference. */
export function defineOptimizer<Schema extends z.ZodObject>(optimizer: Optimizer<Schema>): Optimizer<Schema> {
  return optimizer;
}
