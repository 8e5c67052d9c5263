import type { Attribute, Attributes } from "./graph.ts";

/** Attribute values in plain form: integers become `int`/`ints`; wrap floats as `{ float: 1 }` or `{ floats: [..] }`, texts as `{ strings: [..] }`. */
export type PlainAttributes = Readonly<
  Record<
    string,
    | number
    | string
    | readonly number[]
    | { readonly float: number }
    | { readonly floats: readonly number[] }
    | { readonly strings: readonly string[] }
  >
>;

/** Plain attribute values in the form that nodes keep. */
export function toAttributes(attributes: PlainAttributes): Attributes {
  const result: Record<string, Attribute> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "number") result[name] = { kind: "int", value };
    else if (typeof value === "string") result[name] = { kind: "string", value };
    else if (Array.isArray(value)) result[name] = { kind: "ints", value: value as readonly number[] };
    else if ("float" in value) result[name] = { kind: "float", value: value.float };
    else if ("floats" in value) result[name] = { kind: "floats", value: value.floats };
    else if ("strings" in value) result[name] = { kind: "strings", value: value.strings };
  }
  return result;
}
