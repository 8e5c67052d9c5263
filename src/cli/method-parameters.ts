import { z } from "zod";
import { ParameterError } from "../errors.ts";
import type { Method } from "../methods/define-method.ts";

/** A parameter of a method, as tables and help show it. */
export interface ParameterDescription {
  readonly name: string;
  /** `number`, `"a" | "b"`, ... */
  readonly type: string;
  /** JSON; `undefined` where the parameter has none. */
  readonly default: unknown;
  readonly description: string;
}

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

function typeName(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map(String).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeName).join(" | ");
  if (schema.type !== "number" && schema.type !== "integer") return schema.type ?? "any";
  // zod bounds every integer by what a double can hold, which tells nobody anything.
  const isStated = (bound: number | undefined): bound is number =>
    bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const low = isStated(schema.minimum)
    ? `>= ${schema.minimum}`
    : isStated(schema.exclusiveMinimum)
      ? `> ${schema.exclusiveMinimum}`
      : "";
  const high = isStated(schema.maximum) ? `<= ${schema.maximum}` : "";
  return [schema.type, low, high].filter((part) => part !== "").join(" ");
}

/** The parameters of a method in the order of its schema. */
export function describeParameters(method: Method): readonly ParameterDescription[] {
  const schema = z.toJSONSchema(method.params, { io: "input", unrepresentable: "any" }) as JsonSchema;
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    type: typeName(property),
    default: property.default,
    description: property.description ?? "",
  }));
}

/** Splits `key=value`. */
function splitEntry(entry: string): readonly [key: string, value: string] {
  const at = entry.indexOf("=");
  if (at <= 0) throw new ParameterError(`-p: expected key=value, got '${entry}'. For example: -p steps=50.`);
  return [entry.slice(0, at), entry.slice(at + 1)];
}

/** The text itself if the parameter takes text, else what it says as JSON (numbers, true, false, null, lists). */
function readValue(schema: z.ZodType | undefined, text: string): unknown {
  if (schema === undefined || schema.safeParse(text).success) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Gives each method those of the `-p key=value` entries that it knows. `METHOD.key=value` means one method only.
 * Values are checked by the method itself.
 * @throws {ParameterError} for an entry that is not key=value, or that no method knows.
 */
export function assignParameters(
  entries: readonly string[],
  methods: readonly Method[],
): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  const assigned = new Map<string, Record<string, unknown>>(methods.map(({ name }) => [name, {}]));
  for (const entry of entries) {
    const [key, text] = splitEntry(entry);
    let isKnown = false;
    for (const { name, params } of methods) {
      const ownKey = key.startsWith(`${name}.`) ? key.slice(name.length + 1) : key;
      const schema: unknown = params.shape[ownKey];
      if (schema === undefined) continue;
      isKnown = true;
      const own = assigned.get(name);
      if (own !== undefined) own[ownKey] = readValue(schema as z.ZodType, text);
    }
    if (!isKnown) {
      const known = methods
        .map(({ name, params }) => `${name}: ${Object.keys(params.shape).join(", ") || "none"}`)
        .join("; ");
      throw new ParameterError(`-p: no method chosen has a parameter '${key}'. There are ${known}.`);
    }
  }
  return assigned;
}
