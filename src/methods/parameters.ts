import { z } from "zod";
import { ParameterError } from "../errors.ts";
import { nearestNames } from "../nearest-names.ts";
import type { Method } from "./define-method.ts";

/** The parts of JSON Schema that the parameters of methods use. */
interface PropertySchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: PropertySchema;
  readonly minItems?: number;
  readonly anyOf?: readonly PropertySchema[];
  readonly default?: unknown;
  readonly description?: string;
}

/** One parameter of a method, for tables, forms and help. */
export interface ParameterDescription {
  readonly name: string;
  /** What is accepted, in words: `an integer from 1 to 500`, `one of black, white`. */
  readonly accepts: string;
  /** Absent: the method decides. */
  readonly default?: unknown;
  /** What it means, and why the default is what it is. */
  readonly description: string;
}

/** The parameters of a method in the order of its schema. */
export function describeParams(method: Pick<Method, "params">): readonly ParameterDescription[] {
  return Object.entries(propertiesOf(method)).map(([name, schema]) => ({
    name,
    accepts: describeSchema(schema),
    ...(schema.default !== undefined && { default: schema.default }),
    description: schema.description ?? "",
  }));
}

/**
 * Checks parameters and fills in the defaults.
 * @throws {@link ParameterError} for a name that the method does not have, or a value outside its range.
 */
export function parseParams<Schema extends z.ZodObject>(
  method: Pick<Method<Schema>, "name" | "params">,
  values: Readonly<Record<string, unknown>>,
): z.output<Schema> {
  // A key with `undefined` is a parameter that was not given.
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  const result = method.params.safeParse(given);
  if (result.success) return result.data;
  const properties = propertiesOf(method);
  throw new ParameterError(
    result.error.issues.map((issue) => describeIssue(issue, method.name, properties, given)).join("\n"),
  );
}

/**
 * Checks parameters that are text, as on a command line (`steps=20`, `scales=50,100`, `centred=true`), and fills in the
 * defaults.
 * @throws {@link ParameterError} as {@link parseParams}.
 */
export function parseTextParams<Schema extends z.ZodObject>(
  method: Pick<Method<Schema>, "name" | "params">,
  texts: Readonly<Record<string, string>>,
): z.output<Schema> {
  const properties = propertiesOf(method);
  return parseParams(
    method,
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, fromText(text, properties[name])])),
  );
}

function propertiesOf(method: Pick<Method, "params">): Readonly<Record<string, PropertySchema>> {
  const schema = z.toJSONSchema(method.params, { io: "input", unrepresentable: "any" });
  return (schema.properties ?? {}) as Readonly<Record<string, PropertySchema>>;
}

function describeIssue(
  issue: z.core.$ZodIssue,
  methodName: string,
  properties: Readonly<Record<string, PropertySchema>>,
  given: Readonly<Record<string, unknown>>,
): string {
  if (issue.code === "unrecognized_keys" && issue.path.length === 0) {
    const names = Object.keys(properties);
    return issue.keys
      .map((key) =>
        names.length === 0
          ? `${key}: expected no parameters for method ${methodName}, got '${key}'.`
          : `${key}: expected a parameter of method ${methodName}, got '${key}'. Did you mean ${nearestNames(key, names, 1).join()}? There are: ${names.join(", ")}.`,
      )
      .join("\n");
  }
  const [name] = issue.path;
  const schema = properties[String(name)];
  if (schema === undefined || issue.code === "custom")
    return [name, issue.message].filter((part) => part !== undefined).join(": ");
  return `${String(name)}: expected ${describeSchema(schema)}, got ${JSON.stringify(given[String(name)])}.`;
}

function describeSchema(schema: PropertySchema): string {
  if (schema.enum !== undefined) return `one of ${schema.enum.join(", ")}`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(describeSchema))].join(" or ");
  switch (schema.type) {
    case "integer":
      return `an integer${describeRange(schema)}`;
    case "number":
      return `a number${describeRange(schema)}`;
    case "boolean":
      return "true or false";
    case "string":
      return "a text";
    case "array":
      return `a list (${schema.items === undefined ? "of anything" : describeSchema(schema.items)}, separated by commas)`;
    case "null":
      return "null";
    default:
      return "a value";
  }
}

function describeRange(schema: PropertySchema): string {
  // Every integer schema has the bounds of exact integers; saying so helps nobody.
  const isStated = (bound: number | undefined): bound is number =>
    bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (isStated(minimum) && isStated(maximum)) return ` from ${minimum} to ${maximum}`;
  const parts = [
    isStated(minimum)
      ? `of at least ${minimum}`
      : isStated(exclusiveMinimum)
        ? `above ${exclusiveMinimum}`
        : "",
    isStated(maximum)
      ? `of at most ${maximum}`
      : isStated(exclusiveMaximum)
        ? `below ${exclusiveMaximum}`
        : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "" : ` ${parts.join(" and ")}`;
}

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  "1": true,
  false: false,
  no: false,
  off: false,
  "0": false,
};

/** The value that a text means for a schema; the text itself where it means none, so that the error shows it. */
function fromText(text: string, schema: PropertySchema | undefined): unknown {
  if (schema === undefined || schema.enum?.includes(text) === true) return text;
  if (schema.anyOf !== undefined) {
    const isMany = text.includes(",");
    const alternatives = [...schema.anyOf].sort((a, b) => rank(a, isMany) - rank(b, isMany));
    for (const alternative of alternatives) {
      const value = fromText(text, alternative);
      if (alternative.type === "string" || alternative.type === "array" || value !== text) return value;
    }
    return text;
  }
  if (schema.enum !== undefined) return schema.enum.find((value) => String(value) === text) ?? text;
  if (schema.const !== undefined)
    return schema.const === text || JSON.stringify(schema.const) === text ? schema.const : text;
  switch (schema.type) {
    case "integer":
    case "number":
      return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
    case "boolean":
      return truths[text.toLowerCase()] ?? text;
    case "array":
      return text.split(",").map((item) => fromText(item.trim(), schema.items));
    case "null":
      return text === "null" || text === "none" ? null : text;
    default:
      return text;
  }
}

/** Narrow alternatives first; lists before texts only where there is a comma. */
function rank(schema: PropertySchema, isMany: boolean): number {
  if (schema.type === "array") return isMany ? 1 : 3;
  if (schema.type === "string" && schema.enum === undefined) return 2;
  return 0;
}
