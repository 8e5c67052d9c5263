import type { z } from "zod";
import type { Method, MethodContext, MethodProgress } from "../../src/methods/define-method.ts";
import { randomStream } from "../../src/random/random-stream.ts";
import type { Model, Target } from "../../src/runtime/model.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** What a test can set of the context of a method. */
export interface ContextOptions<Schema extends z.ZodObject> {
  readonly params?: z.input<Schema>;
  readonly target?: Target;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly stop?: AbortSignal;
  readonly report?: (progress: MethodProgress) => void;
}

/** The context that `explain` would make, for calling a method directly. Class 0 and seed 0 unless said otherwise. */
export function methodContext<Schema extends z.ZodObject>(
  method: Method<Schema>,
  model: Model,
  input: Tensor,
  options: ContextOptions<Schema> = {},
): MethodContext<z.output<Schema>> {
  const { params = {}, target = { index: 0 }, seed = 0, signal, stop, report = () => {} } = options;
  return {
    model,
    input,
    target,
    params: method.params.parse(params),
    random: (...keys) => randomStream(seed, method.randomName ?? method.name, ...keys),
    signal,
    stop,
    report,
  };
}
