import type { z } from "zod";
import type { SaliencyMap } from "../image/saliency-map.ts";
import type { RandomStream } from "../random/random-stream.ts";
import type { Model, Target } from "../runtime/model.ts";
import type { Tensor } from "../tensor/tensor.ts";

export type MethodFamily = "gradient" | "activation" | "region" | "perturbation" | "aop";

/** What a method asks of the model: lets the CLI and the page say before running that a model cannot do it. */
export type MethodNeeds = "forward" | "activations" | "gradients";

/** Evaluations of one explanation: `f` forward passes, `fb` forward and backward passes, each of one image. */
export interface MethodCost {
  readonly f: number;
  readonly fb: number;
}

/** Progress of a long method. */
export interface MethodProgress {
  readonly done: number;
  readonly total: number;
  /** The current value of what is being optimised. */
  readonly objective?: number;
  /** The map as it stands; methods that iterate or sample yield it. A function, so that nobody pays who does not look. */
  readonly map?: () => SaliencyMap;
}

export interface Paper {
  readonly authors: string;
  readonly year: number;
  readonly url: string;
}

/** Everything a method is given. */
export interface MethodContext<Params> {
  readonly model: Model;
  /** The network input `[1, C, H, W]`, of a volume `[1, C, D, H, W]`, in input space (normalised). Never modified. */
  readonly input: Tensor;
  readonly target: Target;
  readonly params: Params;
  /** A random stream of its own for each list of keys; the same keys give the same numbers. */
  readonly random: (...keys: readonly (string | number)[]) => RandomStream;
  readonly signal?: AbortSignal | undefined;
  readonly report: (progress: MethodProgress) => void;
  /** Fires when a budget is spent: finish with the best map so far. Optional for methods that cannot. */
  readonly stop?: AbortSignal | undefined;
}

export interface Method<Schema extends z.ZodObject = z.ZodObject> {
  /** kebab-case id, the paper's name. */
  readonly name: string;
  readonly title: string;
  readonly family: MethodFamily;
  readonly needs: MethodNeeds;
  readonly paper: Paper;
  /** One sentence for the table of methods. */
  readonly summary: string;
  /** The parameters: types, defaults (each with its reason in the description), ranges. */
  readonly params: Schema;
  /** Names the random streams instead of `name`: methods with equal names here draw equal numbers for equal keys. */
  readonly randomName?: string;
  /** True if it also explains volumes and signals; methods that hide parts of a picture work in two dimensions only. */
  readonly explainsVolumes?: boolean;
  /** True if the map does not depend on the target. */
  readonly isClassAgnostic?: boolean;
  /** Declared cost; `layerChannels` is the channel count of the target layer (for methods that run once a channel). */
  cost(
    params: z.output<Schema>,
    facts: { readonly layerChannels: number; readonly height: number; readonly width: number },
  ): MethodCost;
  explain(context: MethodContext<z.output<Schema>>): Promise<SaliencyMap>;
}

/** Declares a method; only there for type inference. */
export function defineMethod<Schema extends z.ZodObject>(method: Method<Schema>): Method<Schema> {
  return method;
}
