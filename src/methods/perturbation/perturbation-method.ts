import { defineMethod, type Method } from "../define-method.ts";
import { constantMask } from "./mask.ts";
import type { Optimizer } from "./optimizer.ts";
import { runOptimizer } from "./run-optimizer.ts";
import { methodParams, resolveSettings } from "./settings.ts";

/**
 * The plain method of a mask optimiser: it starts from a mask of ones, the whole image. Saliency is 1 - up(M), raw.
 * `details` has `history` (one record an iteration), `finished` (false if a budget ended it) and the `settings` used.
 */
export function perturbationMethod(optimizer: Optimizer): Method {
  const params = methodParams(optimizer, "alone");
  return defineMethod({
    name: optimizer.name,
    title: optimizer.title,
    family: "perturbation",
    needs: "gradients",
    paper: optimizer.paper,
    summary: optimizer.summary,
    params,
    cost: (given) => optimizer.cost(resolveSettings(optimizer, given, "alone").optimizer),
    explain(context) {
      const settings = resolveSettings(optimizer, context.params, "alone");
      const size = { height: settings.mask.size, width: settings.mask.size };
      return runOptimizer(optimizer, context, settings, constantMask(size, 1));
    },
  });
}
