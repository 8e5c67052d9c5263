import { ParameterError } from "../../errors.ts";
import type { Method } from "../define-method.ts";
import type { Optimizer } from "../perturbation/optimizer.ts";
import { aop, type GivenMap } from "./aop.ts";

/** Where names are looked up; both return `undefined` for a name they do not know. */
export interface AopLookup {
  readonly initial: (name: string) => Method | GivenMap | undefined;
  readonly optimizer: (name: string) => Optimizer | undefined;
}

/** `aop:INITIAL+OPTIMIZER` taken apart, or `undefined` for any other name. */
export function parseAopName(
  name: string,
): { readonly initial: string; readonly optimizer: string } | undefined {
  const match = /^aop:([^+]+)\+(.+)$/.exec(name);
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { initial: match[1], optimizer: match[2] };
}

/**
 * The method `aop:INITIAL+OPTIMIZER` from names.
 * @throws {@link ParameterError} if either name is not known, with what was looked for.
 */
export function aopMethod(initialName: string, optimizerName: string, lookup: AopLookup): Method {
  const initial = lookup.initial(initialName);
  const optimizer = lookup.optimizer(optimizerName);
  if (initial === undefined) {
    throw new ParameterError(
      `aop: no method or map named '${initialName}' for the base map. Take an activation method, as in aop:grad-cam+${optimizerName}.`,
    );
  }
  if (optimizer === undefined) {
    throw new ParameterError(
      `aop: no optimiser named '${optimizerName}'. Have: i-gos, i-gos-pp, meaningful-perturbation, as in aop:${initialName}+i-gos.`,
    );
  }
  return aop({ initial, optimizer });
}
