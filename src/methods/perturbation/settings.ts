import { z } from "zod";
import { ParameterError } from "../../errors.ts";
import { maskSettingsDefaults, maskSettingsSchema, type MaskSettings } from "./mask-settings.ts";
import type { Optimizer } from "./optimizer.ts";

/** Parameters as given by a user: nothing is required. */
export type GivenParams = Readonly<Record<string, unknown>>;

/** The optimiser's own parameters and those of the mask, complete. */
export interface ResolvedSettings {
  readonly optimizer: Record<string, unknown>;
  readonly mask: MaskSettings;
}

/** As a method of its own (mask of ones), or as the second stage of AOP. */
export type OptimizerRole = "alone" | "aop";

/** Names of the presets of an optimiser; `paper` first. */
export function presetNames(optimizer: Optimizer): readonly [string, ...string[]] {
  return ["paper", ...Object.keys(optimizer.presets ?? {}).filter((name) => name !== "paper")];
}

function defaultPreset(optimizer: Optimizer, role: OptimizerRole, overrides: GivenParams): unknown {
  return overrides["preset"] ?? (role === "aop" ? optimizer.aopPreset : undefined) ?? "paper";
}

/**
 * Fills in what was not given: from the preset, then from what the optimiser does differently in AOP, then from its
 * defaults and the common ones.
 * @throws {@link ParameterError} for an unknown preset or a value out of its domain.
 */
export function resolveSettings(
  optimizer: Optimizer,
  given: GivenParams,
  role: OptimizerRole,
  overrides: GivenParams = {},
): ResolvedSettings {
  const asked = given["preset"] ?? defaultPreset(optimizer, role, overrides);
  const preset = typeof asked === "string" ? asked : JSON.stringify(asked);
  const names = presetNames(optimizer);
  if (!names.includes(preset)) {
    throw new ParameterError(
      `preset: expected one of ${names.join(", ")}, got '${preset}'. ${optimizer.name} has these.`,
    );
  }
  const merged: Record<string, unknown> = {
    ...maskSettingsDefaults,
    ...optimizer.maskDefaults,
    ...optimizer.defaults,
    ...(role === "aop" ? optimizer.aopDefaults : {}),
    ...defined(overrides),
    ...optimizer.presets?.[preset],
    ...(role === "aop" ? optimizer.aopPresets?.[preset] : {}),
    ...defined(given),
  };
  return {
    optimizer: parse(optimizer.params, pick(merged, Object.keys(optimizer.params.shape))),
    mask: parse(maskSettingsSchema, pick(merged, Object.keys(maskSettingsSchema.shape))),
  };
}

/**
 * The schema of a method made from an optimiser. Parsing fills in the preset, so that records name it; every other parameter
 * stays optional, because what it is without being given depends on the preset. The JSON schema (tables, forms) has the
 * values of the default preset as defaults.
 */
export function methodParams(
  optimizer: Optimizer,
  role: OptimizerRole,
  overrides: GivenParams = {},
): z.ZodObject {
  const { mask, optimizer: own } = resolveSettings(optimizer, {}, role, overrides);
  const shape: Record<string, z.ZodType> = {
    preset: z
      .enum(presetNames(optimizer))
      .default(String(defaultPreset(optimizer, role, overrides)))
      .describe("a named set of parameters; those given besides win"),
  };
  const add = (schema: z.ZodObject, values: Readonly<Record<string, unknown>>): void => {
    for (const [name, field] of Object.entries(schema.shape) as [string, z.ZodType][]) {
      const value = values[name];
      shape[name] = field.optional().meta({ description: field.description ?? name, default: value });
    }
  };
  add(optimizer.params, own);
  add(maskSettingsSchema, { ...mask });
  return z.strictObject(shape);
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new ParameterError(`${issue?.path.join(".") ?? "parameters"}: ${issue?.message ?? "not valid"}.`);
}

function defined(values: GivenParams): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function pick(values: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]]));
}
