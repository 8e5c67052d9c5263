import { z } from "zod";
import { ParameterError } from "../../errors.ts";
import type { Grid, SaliencyMap } from "../../image/saliency-map.ts";
import { defineMethod, type Method, type MethodContext, type Paper } from "../define-method.ts";
import type { Optimizer } from "../perturbation/optimizer.ts";
import { runOptimizer } from "../perturbation/run-optimizer.ts";
import { methodParams, resolveSettings, type GivenParams } from "../perturbation/settings.ts";
import { baseMapDefaults, baseMapSchema, baseMask, type BaseMapSettings } from "./base-map.ts";

/** A map made elsewhere (read from a file, drawn by hand), at any resolution. Larger = more important; negative values count as 0. */
export interface GivenMap {
  readonly name: string;
  readonly map: Grid;
}

export interface AopOptions {
  /** What makes the base map: any method, usually an activation method; or a map. */
  readonly initial: Method | GivenMap;
  /** What optimises it. */
  readonly optimizer: Optimizer;
  /** Default `aop:INITIAL+OPTIMIZER`. */
  readonly name?: string;
  readonly title?: string;
  readonly summary?: string;
  /** Other defaults for any of the parameters. */
  readonly defaults?: GivenParams;
}

const paper: Paper = {
  authors: "Zhang, Rao, Yang",
  year: 2021,
  url: "https://ojs.aaai.org/index.php/AAAI/article/view/16450",
};

/**
 * Activation optimised with perturbation (the paper's AOP): the map of one method, filtered and scaled, is
 * where a mask optimiser starts. Any method with any optimiser.
 *
 * Parameters: `theta`, `lambda`, `filter`, `filterAt`, `renormalize` for the base map; those of the optimiser with its
 * defaults for AOP; those of the base method under their own names, or as `base.NAME` where the optimiser has the name too.
 * A base map that is empty makes it the plain optimiser, with `details.baseMap` saying so.
 *
 * @example
 * const method = aop({ initial: gradCam, optimizer: iGosOptimizer });
 * method.name; // "aop:grad-cam+i-gos"
 */
export function aop(options: AopOptions): Method {
  const { initial, optimizer, defaults = {} } = options;
  const baseDefaults: BaseMapSettings = {
    ...baseMapDefaults,
    ...pickNames(defaults, Object.keys(baseMapSchema.shape)),
  };
  const own = methodParams(optimizer, "aop", defaults);
  const baseNames = initialParams(
    initial,
    new Set([...Object.keys(own.shape), ...Object.keys(baseMapSchema.shape)]),
  );
  const params = z.strictObject({
    ...own.shape,
    ...describedBaseMap(baseDefaults),
    ...Object.fromEntries(baseNames.map(({ outer, field }) => [outer, field])),
  });
  const resolve = (given: GivenParams) => resolveSettings(optimizer, given, "aop", defaults);

  return defineMethod<z.ZodObject>({
    name: options.name ?? `aop:${initial.name}+${optimizer.name}`,
    title:
      options.title ??
      `AOP: ${"title" in initial ? initial.title : initial.name} optimised by ${optimizer.title}`,
    family: "aop",
    // Draws the noise that the plain optimiser draws: an empty base map then gives the same bits.
    randomName: optimizer.name,
    needs: "gradients",
    paper,
    summary: options.summary ?? `A ${initial.name} map, optimised by ${optimizer.name}.`,
    params,
    cost(given, facts) {
      const second = optimizer.cost(resolve(given).optimizer);
      if (!isMethod(initial)) return second;
      const first = initial.cost(initial.params.parse(innerParams(baseNames, given)), facts);
      return { f: first.f + second.f, fb: first.fb + second.fb };
    },
    async explain(context) {
      const given: GivenParams = context.params;
      const settings = resolve(given);
      const base = await baseMapOf(initial, context, innerParams(baseNames, given));
      const baseSettings = baseMapSchema.parse({
        ...baseDefaults,
        ...pickNames(given, Object.keys(baseMapSchema.shape)),
      });
      const size = { height: settings.mask.size, width: settings.mask.size };
      const { mask, isDegenerate } = baseMask(base.native ?? base, baseSettings, size);
      const result = await runOptimizer(optimizer, context, settings, mask);
      const baseFacts = {
        method: initial.name,
        settings: baseSettings,
        isEmpty: isDegenerate,
        degenerate: base.degenerate,
      };
      const layer = base.details?.["layer"];
      return {
        ...result,
        details: { ...(layer === undefined ? {} : { layer }), ...result.details, baseMap: baseFacts },
      };
    },
  });
}

/** A base parameter under the name that the combined method has for it. */
interface BaseParam {
  readonly inner: string;
  readonly outer: string;
  readonly field: z.ZodType;
}

function initialParams(initial: Method | GivenMap, taken: ReadonlySet<string>): readonly BaseParam[] {
  if (!isMethod(initial)) return [];
  return Object.entries(initial.params.shape).map(([inner, field]) => ({
    inner,
    outer: taken.has(inner) ? `base.${inner}` : inner,
    field: field as z.ZodType,
  }));
}

function innerParams(names: readonly BaseParam[], given: GivenParams): Record<string, unknown> {
  const present = names.filter(({ outer }) => given[outer] !== undefined);
  return Object.fromEntries(present.map(({ inner, outer }) => [inner, given[outer]]));
}

function describedBaseMap(defaults: BaseMapSettings): Record<string, z.ZodType> {
  const values: Readonly<Record<string, unknown>> = { ...defaults };
  return Object.fromEntries(
    Object.entries(baseMapSchema.shape).map(([name, field]) => {
      const value = values[name];
      return [name, field.optional().meta({ description: field.description ?? name, default: value })];
    }),
  );
}

async function baseMapOf(
  initial: Method | GivenMap,
  context: MethodContext<unknown>,
  given: Record<string, unknown>,
): Promise<SaliencyMap> {
  if (!isMethod(initial)) {
    const { width, height, values } = initial.map;
    if (values.length === width * height && width > 0) return initial.map;
    throw new ParameterError(
      `base map '${initial.name}': expected ${width} x ${height} values, got ${values.length}. Give width, height and one value a cell.`,
    );
  }
  // The base method is quick; its progress would look like the optimiser's.
  const { target, signal, stop, model, input } = context;
  return initial.explain({
    model,
    input,
    target,
    signal,
    stop,
    params: initial.params.parse(given),
    random: (...keys) => context.random("base", ...keys),
    report: () => {},
  });
}

function isMethod(initial: Method | GivenMap): initial is Method {
  return "explain" in initial;
}

function pickNames(values: GivenParams, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.filter((name) => values[name] !== undefined).map((name) => [name, values[name]]),
  );
}
