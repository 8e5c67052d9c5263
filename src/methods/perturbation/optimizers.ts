import { iGosOptimizer } from "./i-gos.ts";
import { iGosPpOptimizer } from "./i-gos-pp.ts";
import { meaningfulPerturbationOptimizer } from "./meaningful-perturbation.ts";
import type { Optimizer } from "./optimizer.ts";
import { perturbationMethod } from "./perturbation-method.ts";

/** The mask optimisers that come with the library, for `aop:METHOD+OPTIMIZER`. `emp` is short for meaningful-perturbation. */
export const optimizers: readonly Optimizer[] = [
  meaningfulPerturbationOptimizer,
  iGosOptimizer,
  iGosPpOptimizer,
];

/** The optimiser of a name, or `undefined`. */
export function findOptimizer(name: string): Optimizer | undefined {
  return optimizers.find(
    (optimizer) => optimizer.name === (name === "emp" ? "meaningful-perturbation" : name),
  );
}

/** EMP; see {@link meaningfulPerturbationOptimizer}. */
export const meaningfulPerturbation = perturbationMethod(meaningfulPerturbationOptimizer);
/** I-GOS; see {@link iGosOptimizer}. */
export const iGos = perturbationMethod(iGosOptimizer);
/** iGOS++; see {@link iGosPpOptimizer}. */
export const iGosPp = perturbationMethod(iGosPpOptimizer);
