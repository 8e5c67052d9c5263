import { ParameterError } from "../errors.ts";
import type { Method } from "../methods/define-method.ts";
import { nearestNames } from "../nearest-names.ts";

/**
 * Gives each method those of the `-p key=value` entries that it has a parameter for. `METHOD.key=value` means one method
 * only. The values stay text; `parseTextParams` reads and checks them.
 * @throws {@link ParameterError} for an entry that is not key=value, or that no method has a parameter for.
 */
export function assignParameters(
  entries: readonly string[],
  methods: readonly Pick<Method, "name" | "params">[],
): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const assigned = new Map<string, Record<string, string>>(methods.map(({ name }) => [name, {}]));
  for (const entry of entries) {
    const at = entry.indexOf("=");
    if (at <= 0)
      throw new ParameterError(`-p: expected key=value, got '${entry}'. For example: -p steps=50.`);
    const [key, value] = [entry.slice(0, at), entry.slice(at + 1)];
    const takers = methods.flatMap(({ name, params }) => {
      const own = key.startsWith(`${name}.`) ? key.slice(name.length + 1) : key;
      return own in params.shape ? [{ name, own }] : [];
    });
    if (takers.length === 0) throw new ParameterError(unknownParameter(key, methods));
    for (const { name, own } of takers) assigned.set(name, { ...assigned.get(name), [own]: value });
  }
  return assigned;
}

function unknownParameter(key: string, methods: readonly Pick<Method, "name" | "params">[]): string {
  const all = methods.flatMap(({ params }) => Object.keys(params.shape));
  const known = methods
    .map(({ name, params }) => `${name}: ${Object.keys(params.shape).join(", ") || "none"}`)
    .join("; ");
  const hint = all.length > 0 ? ` Did you mean ${nearestNames(key, all, 1).join("")}?` : "";
  return `-p: expected a parameter of the chosen methods, got '${key}'.${hint} There are: ${known}.`;
}
